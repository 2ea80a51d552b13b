"""The notice in words: what the code of public health wants every person to be told (F06), for letter and e-mail alike.

The law: CSP R1111-28 (the space, its link with the DMP, the right to oppose and how, closing) and R1111-40 (creation,
closing and destruction of the DMP, who reads it, rights on one's data, the attending physician's particular rights).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

from services.notifications.domain.notice import Aim
from services.notifications.domain.policy import RULES, Policy
from shared.errors import RefusedError

SITE: Final = "monespacesante.fr"
PHONE: Final = "34 22"


@dataclass(frozen=True, slots=True)
class Wording:
    """The parts of a notice; none may be missing."""

    subject: str
    opening: str
    service: str
    dmp: str
    delay: str
    oppose: str
    online: str
    phone: str
    post: str
    without_answer: str
    activate: str
    code_rules: str
    access: str
    physician: str
    rights: str
    closing: str
    law: str


def complete(wording: Wording) -> Wording:
    """Return a wording that says all that it must; raise `RefusedError` ``notice-incomplete`` naming the part."""
    for part in fields(wording):
        if not str(getattr(wording, part.name) or "").strip():
            raise RefusedError("notice-incomplete", part.name)
    return wording


def check_letter(code: str, lines: Sequence[str]) -> None:
    """Raise `RefusedError` ``notice-incomplete`` if what is this person's own is missing: code or address."""
    if not code.strip():
        raise RefusedError("notice-incomplete", "code")
    if not lines:
        raise RefusedError("notice-incomplete", "address")


def wording(policy: Policy, aim: Aim = Aim.OPENING) -> Wording:
    """Return the words of a policy's notice; the dates that they speak of are known at the sending only."""
    return complete(_typographic(replace(_written(policy), **_OTHERWISE[aim])))


def wordings(policy: Policy) -> dict[Aim, Wording]:
    """Return the words of every kind of notice."""
    return {aim: wording(policy, aim) for aim in Aim}


def _written(policy: Policy) -> Wording:
    return Wording(
        subject="Ouverture de votre espace numérique de santé « Mon espace santé »",
        opening="Votre espace numérique de santé, « Mon espace santé », sera bientôt ouvert automatiquement et"
        " gratuitement. Vous n'avez aucune démarche à faire. Vous pouvez aussi vous y opposer : ce courrier vous"
        " explique comment.",
        service="C'est un service public, personnel et sécurisé. Vous y conservez vos documents de santé"
        " (ordonnances, résultats d'examens, comptes rendus), vous y échangez avec vos professionnels de santé par"
        " une messagerie sécurisée et vous y notez vos rendez-vous.",
        dmp="Il contient votre dossier médical partagé (DMP), créé en même temps que lui. Si vous avez déjà un"
        " DMP, il y est repris.",
        delay=RULES[policy].delay,
        oppose="à compter de la date d'envoi de ce courrier, sans avoir à vous justifier et sans conséquence sur"
        " vos remboursements. Vous recevrez un justificatif. Pour vous opposer :",
        online=f"sur {SITE}, avec le code de ce courrier, votre numéro de sécurité sociale et le numéro de"
        " série de votre carte Vitale ;",
        phone="service gratuit + prix d'un appel, du lundi au vendredi de 8 h 30 à 17 h 30",
        post="à l'adresse de votre organisme, en tête de ce courrier, avec vos nom, prénom, date de naissance et"
        " le code.",
        without_answer="Sans opposition de votre part dans ce délai, votre espace et votre DMP sont ouverts.",
        activate=f"Vous pouvez aussi activer votre espace dès maintenant sur {SITE}, avec ce code et votre carte"
        " Vitale.",
        code_rules="Valable six semaines, une seule fois",
        access="Vous, et les professionnels de santé qui vous soignent, avec votre accord. Ni votre employeur, ni"
        " votre banque, ni votre assureur, ni votre mutuelle n'y ont accès. Chaque consultation est enregistrée et"
        " vous pouvez la vérifier.",
        physician="Votre médecin traitant a des droits particuliers : il voit tous les documents, même ceux que"
        " vous masquez aux autres professionnels.",
        rights="Vous pouvez à tout moment autoriser ou bloquer un professionnel, masquer un document, faire"
        " rectifier vos données.",
        closing=f"À tout moment, en ligne ou en appelant le {PHONE}. Vos données sont alors archivées"
        " pendant dix ans, puis supprimées ; à votre demande, elles le sont dans un délai de trois mois au plus.",
        law="Code de la santé publique, articles L. 1111-13-1, L. 1111-14, R. 1111-28 et R. 1111-40.",
    )


_OTHERWISE: Final[dict[Aim, dict[str, str]]] = {
    Aim.OPENING: {},
    Aim.CODE: {
        "subject": "Votre nouveau code provisoire pour « Mon espace santé »",
        "opening": "Vous avez demandé un nouveau code. Il remplace celui que vous aviez reçu, qui n'est plus valable."
        " Ce courrier rappelle aussi ce qu'est votre espace numérique de santé et quels sont vos droits.",
        "oppose": "à compter de la date d'envoi du premier courrier, sans avoir à vous justifier et sans"
        " conséquence sur vos remboursements. Vous recevrez un justificatif. Pour vous opposer :",
        "without_answer": "Demander un code ne prolonge pas ce délai : sans opposition, votre espace et votre DMP"
        " sont ouverts.",
    },
    Aim.FAILURE: {  # F18: the delay is over, so what is left is to wait, to activate, or to close later
        "subject": "L'ouverture de votre espace numérique de santé est retardée",
        "opening": "Votre espace numérique de santé, « Mon espace santé », devait être ouvert : le délai pour vous y"
        " opposer est passé. Une difficulté technique l'a empêché. Vous n'avez aucune démarche à faire :"
        " l'ouverture est tentée de nouveau jusqu'à ce qu'elle réussisse.",
        "delay": "toujours le choix",
        "oppose": ": vous pourrez fermer votre espace dès qu'il sera ouvert, sans avoir à vous justifier et sans"
        " conséquence sur vos remboursements. Pour demander à le fermer :",
        "without_answer": "Sans démarche de votre part, votre espace et votre DMP seront ouverts.",
    },
}
"""What the notices that are no first notice say in other words."""

_UNBROKEN: Final = re.compile(r" (?=[;:?!»])|(?<=«) |(?<=\d) (?=h|\d)|(?<=h) (?=\d)|(?<=[LR]\.) ")


def _typographic(words: Wording) -> Wording:
    """Return the words as French prints them: curved apostrophes, no line broken before a sign or within a number."""
    texts = {part.name: getattr(words, part.name) for part in fields(words)}
    return Wording(**{name: _UNBROKEN.sub("\u00a0", text).replace("'", "\u2019") for name, text in texts.items()})
