"""What a person reads about each thing that happened to the own record: the table of events, in French.

An event of a type that is not here is in the log and not in a person's list: it moves data between services and does
nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.audit.domain.wording import TRACE, UNTOLD, ActorType, Group, Words


@dataclass(frozen=True, slots=True)
class Deed:
    """How an event of a type is told: who is behind it, and the words, by a value of its data if ``by`` names one."""

    actor: ActorType
    words: Words
    by: str | None = None
    variants: Mapping[str, str] | None = None

    def sentence(self, data: Mapping[str, Any]) -> str:
        """Return the sentence; a value that is not in the table gets the words of the type."""
        value = data.get(self.by) if self.by else None
        return (self.variants or {}).get(value, self.words.done) if isinstance(value, str) else self.words.done


_GENERAL, _SYSTEM, _ENROLMENT = Group.GENERAL, ActorType.SYSTEM, ActorType.ENROLMENT

DEEDS: Final[Mapping[str, Deed]] = {
    TRACE: Deed(_SYSTEM, UNTOLD),
    "beneficiary.accepted.v1": Deed(
        _ENROLMENT, Words("identity-received", _GENERAL, "a transmis vos données administratives")
    ),
    "notice.sent.v1": Deed(
        _ENROLMENT,
        Words("notice-sent", _GENERAL, "vous a informé de l'ouverture de votre dossier et de votre droit d'opposition"),
        by="channel",
        variants={
            "email": "vous a informé par courriel de l'ouverture de votre dossier et de votre droit d'opposition",
            "post": "vous a informé par courrier de l'ouverture de votre dossier et de votre droit d'opposition",
        },
    ),
    "notice.undeliverable.v1": Deed(
        _ENROLMENT,
        Words("notice-undeliverable", _GENERAL, "n'a pas pu vous faire parvenir l'information sur votre dossier"),
    ),
    "account.opened.v1": Deed(
        _SYSTEM,
        Words("record-opened", _GENERAL, "a ouvert votre dossier"),
        by="cause",
        variants={
            "deadline": "a ouvert votre dossier, à la fin du délai d'opposition",
            "activation": "a ouvert votre dossier, à votre demande",
            "reopening": "a rouvert votre dossier",
            "legacy-dmp": "a repris votre dossier médical partagé",
        },
    ),
    "account.opposed.v1": Deed(
        _SYSTEM,
        Words("record-opposed", _GENERAL, "a enregistré votre opposition"),
        by="channel",
        variants={
            "online": "a enregistré votre opposition, faite en ligne",
            "phone": "a enregistré votre opposition, faite par téléphone",
            "post": "a enregistré votre opposition, faite par courrier",
        },
    ),
    "account.closed.v1": Deed(_SYSTEM, Words("record-closed", _GENERAL, "a fermé votre dossier")),
    "record.updated.v1": Deed(
        _SYSTEM, Words("reimbursements-added", _GENERAL, "a ajouté des remboursements à votre dossier")
    ),
}
"""By the type of an event: what a person is shown, and nothing else.

That a document was stored is not here: its deposit's trace tells it, and knows whether the person may read of it.
"""
