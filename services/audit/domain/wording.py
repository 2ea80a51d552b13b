"""What a person reads about each thing that was done with the own record: the one table, in French.

Sentences go on from whoever did it, as the citizen's health space words them ("a consulté un document"). An event of
a type that is not here is in the log and not in a person's list: it moves data between services and does nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

TRACE: Final = "access.traced.v1"
"""The one type whose sentence depends on what its event says was asked, and by whom."""


class Group(StrEnum):
    """The groups of the health space's own history."""

    GENERAL = "GENERAL"
    MEDICAL_DOCUMENT = "MEDICAL_DOCUMENT"


class ActorType(StrEnum):
    """Who does things, as the health space tells them apart."""

    PATIENT = "PATIENT"
    HEALTHCARE_PROFESSIONAL = "HEALTHCARE_PROFESSIONAL"
    HEALTHCARE_FACILITY = "HEALTHCARE_FACILITY"
    SUPPORT = "SUPPORT"
    SYSTEM = "SYSTEM"
    ENROLMENT = "ENROLMENT"


@dataclass(frozen=True, slots=True)
class Words:
    """How one kind of deed is told; ``refused`` where somebody asked and was denied."""

    code: str
    group: Group
    done: str
    refused: str | None = None


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


_GENERAL, _DOCUMENT = Group.GENERAL, Group.MEDICAL_DOCUMENT
_SYSTEM, _ENROLMENT = ActorType.SYSTEM, ActorType.ENROLMENT

ACTIONS: Final[Mapping[str, Words]] = {
    words.code: words
    for words in (
        Words("record-searched", _GENERAL, "a recherché votre dossier", "a tenté de rechercher votre dossier"),
        Words(
            "documents-listed",
            _DOCUMENT,
            "a consulté la liste de vos documents",
            "a tenté de consulter la liste de vos documents",
        ),
        Words(
            "document-described",
            _DOCUMENT,
            "a consulté la fiche d'un document",
            "a tenté de consulter la fiche d'un document",
        ),
        Words("document-read", _DOCUMENT, "a consulté un document", "a tenté de consulter un document"),
        Words("document-deposited", _DOCUMENT, "a déposé un document", "a tenté de déposer un document"),
        Words("document-masked", _DOCUMENT, "a masqué un document", "a tenté de masquer un document"),
        Words(
            "document-unmasked",
            _DOCUMENT,
            "a rendu un document de nouveau visible",
            "a tenté de rendre un document visible",
        ),
        Words(
            "reimbursements-listed",
            _GENERAL,
            "a consulté vos remboursements",
            "a tenté de consulter vos remboursements",
        ),
        Words(
            "professionals-listed",
            _GENERAL,
            "a consulté la liste des professionnels autorisés",
            "a tenté de consulter la liste des professionnels autorisés",
        ),
        Words(
            "professional-authorised",
            _GENERAL,
            "a autorisé un professionnel à accéder à votre dossier",
            "a tenté d'autoriser un professionnel à accéder à votre dossier",
        ),
        Words(
            "professional-blocked",
            _GENERAL,
            "a bloqué l'accès d'un professionnel à votre dossier",
            "a tenté de bloquer l'accès d'un professionnel",
        ),
        Words(
            "professional-withdrawn",
            _GENERAL,
            "a retiré l'autorisation d'un professionnel",
            "a tenté de retirer l'autorisation d'un professionnel",
        ),
        Words(
            "accesses-listed",
            _GENERAL,
            "a consulté l'historique des accès",
            "a tenté de consulter l'historique des accès",
        ),
    )
}
"""By the action of a trace (`shared.contracts.accesses.Action`)."""

ABOUT_ONE: Final = frozenset(code for code, words in ACTIONS.items() if words.group is _DOCUMENT) - {"documents-listed"}
"""Actions on a document that is named: without it nothing is left to say."""

UNTOLD: Final = Words("access", _GENERAL, "a accédé à votre dossier", "a tenté d'accéder à votre dossier")
"""For a trace that can no longer be read, or of an action newer than this table."""

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

ACTORS: Final[Mapping[str, ActorType]] = {
    "patient": ActorType.PATIENT,
    "professional": ActorType.HEALTHCARE_PROFESSIONAL,
    "machine": ActorType.HEALTHCARE_FACILITY,
    "operator": ActorType.SUPPORT,
    "phone-agent": ActorType.SUPPORT,
}
"""By the kind of a trace's actor."""

SOMEBODY_ELSE: Final = "Une autre personne"
"""A patient whose record it is not: without these words, the person would seem to have done it."""

NAMES: Final[Mapping[ActorType, str]] = {
    ActorType.SYSTEM: "Mon espace santé",
    ActorType.ENROLMENT: "Assurance Maladie",
    ActorType.SUPPORT: "Assistance",
}
"""Of those who have none of their own."""
