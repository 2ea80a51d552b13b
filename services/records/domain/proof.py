"""The proof of an opposition in words: what was received, by which way, what it does and what comes next (F11)."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from services.records.domain.opposition import Effect, Opposition, Way


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a proof is about; the person's number stands nowhere on it."""

    name: str = field(repr=False)
    sex: str
    born_on: date = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a proof says; ``holder`` is None when the person's identity was erased since."""

    attestation: str
    holder: Holder | None = field(repr=False)
    way: str
    dated: date
    recorded_at: datetime
    effect: str
    meaning: str
    then: tuple[str, ...]


_WAYS: Final = {
    Way.ONLINE: "en ligne, avec le code de votre courrier",
    Way.PHONE: "par téléphone, au 34 22",
    Way.POST: "par courrier",
}

_EFFECTS: Final = {
    Effect.OPPOSED: "Opposition enregistrée",
    Effect.DMP_KEPT: "Opposition enregistrée, à confirmer",
    Effect.DMP_CLOSED: "Opposition confirmée, DMP fermé",
}

_MEANINGS: Final = {
    Effect.OPPOSED: "Votre opposition à l'ouverture de votre espace numérique de santé, « Mon espace santé », et de"
    " votre dossier médical partagé (DMP) est enregistrée. Ni l'un ni l'autre n'existe à votre nom : personne ne"
    " peut les consulter, ni y ajouter quoi que ce soit.",
    Effect.DMP_KEPT: "Votre opposition à l'ouverture de votre espace numérique de santé, « Mon espace santé », est"
    " enregistrée. Vous avez cependant un dossier médical partagé (DMP), créé avant le 1er juillet 2021 : il reste"
    " ouvert tant que vous n'avez pas confirmé votre opposition.",
    Effect.DMP_CLOSED: "Vous avez confirmé votre opposition : votre dossier médical partagé (DMP) est fermé. Personne"
    " ne peut plus le consulter, ni y ajouter quoi que ce soit.",
}

_CHANGE_OF_MIND: Final = (
    "Vous pouvez changer d'avis à tout moment et sans délai : demandez un code sur monespacesante.fr ou en appelant"
    " le 34 22 ; votre espace est alors ouvert à votre demande."
)
_NO_CONSEQUENCE: Final = "Votre choix n'a aucune conséquence sur vos remboursements, ni sur vos soins."

_THEN: Final = {
    Effect.OPPOSED: ("Vous ne recevrez plus de courrier à ce sujet.", _CHANGE_OF_MIND, _NO_CONSEQUENCE),
    Effect.DMP_KEPT: (
        (
            "Pour confirmer votre opposition et fermer ce DMP, donnez le numéro de cette attestation sur"
            " monespacesante.fr ou en appelant le 34 22. Sans confirmation de votre part, il reste ouvert."
        ),
        _CHANGE_OF_MIND,
        _NO_CONSEQUENCE,
    ),
    Effect.DMP_CLOSED: (
        (
            "Ses données sont archivées pendant dix ans, puis supprimées. À votre demande, elles le sont dans un délai"
            " de trois mois au plus."
        ),
        (
            "Vous pouvez changer d'avis à tout moment : à votre demande, votre espace est ouvert et reprend les"
            " données archivées."
        ),
        _NO_CONSEQUENCE,
    ),
}


def proof_of(made: Opposition, holder: Holder | None) -> Proof:
    """Return the proof of an opposition; the same one whenever it is asked for."""
    return Proof(
        attestation=made.id,
        holder=holder,
        way=_WAYS[made.way],
        dated=made.dated,
        recorded_at=made.at,
        effect=_EFFECTS[made.effect],
        meaning=_MEANINGS[made.effect],
        then=_THEN[made.effect],
    )
