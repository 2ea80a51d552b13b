"""What a person reads about each thing that somebody asked of the own record: the table of traces, in French.

Sentences go on from whoever did it, as the citizen's health space words them ("a consulté un document").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

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


_GENERAL, _DOCUMENT = Group.GENERAL, Group.MEDICAL_DOCUMENT

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
            "oversight-given",
            _GENERAL,
            "a donné à un professionnel accès à tout votre dossier et à son historique",
            "a tenté de donner à un professionnel accès à tout votre dossier",
        ),
        Words(
            "oversight-withdrawn",
            _GENERAL,
            "a retiré à un professionnel l'accès à tout votre dossier et à son historique",
            "a tenté de retirer à un professionnel l'accès à tout votre dossier",
        ),
        Words(
            "proof-read",
            _GENERAL,
            "a consulté le justificatif de votre opposition",
            "a tenté de consulter le justificatif de votre opposition",
        ),
        Words(
            "accesses-listed",
            _GENERAL,
            "a consulté l'historique des accès",
            "a tenté de consulter l'historique des accès",
        ),
        Words(
            "access-proved",
            _GENERAL,
            "a téléchargé la preuve d'un accès",
            "a tenté de télécharger la preuve d'un accès",
        ),
    )
}
"""By the action of a trace (`shared.contracts.accesses.Action`)."""

ABOUT_ONE: Final = frozenset(code for code, words in ACTIONS.items() if words.group is _DOCUMENT) - {"documents-listed"}
"""Actions on a document that is named: without it nothing is left to say."""

UNTOLD: Final = Words("access", _GENERAL, "a accédé à votre dossier", "a tenté d'accéder à votre dossier")
"""For a trace that can no longer be read, or of an action newer than this table."""

ACTORS: Final[Mapping[str, ActorType]] = {
    "patient": ActorType.PATIENT,
    "professional": ActorType.HEALTHCARE_PROFESSIONAL,
    "machine": ActorType.HEALTHCARE_FACILITY,
    "operator": ActorType.SUPPORT,
    "phone-agent": ActorType.SUPPORT,
}
"""By the kind of a trace's actor."""

_SPOKEN_TO: Final = (
    ("vous a informé par courriel de ", "a informé le titulaire par courriel de "),
    ("vous a informé par courrier de ", "a informé le titulaire par courrier de "),
    ("vous a informé de ", "a informé le titulaire de "),
    ("n'a pas pu vous faire parvenir l'information", "n'a pas pu faire parvenir au titulaire l'information"),
    ("de votre droit d'opposition", "de son droit d'opposition"),
    ("de votre opposition", "de l'opposition"),
    ("votre opposition", "l'opposition"),
    ("de votre dossier", "du dossier"),
    ("à tout votre dossier", "à tout le dossier"),
    ("à votre dossier", "au dossier"),
    ("de vos ", "des "),
    ("à votre demande", "à la demande du titulaire"),
    ("votre ", "le "),
    ("vos ", "les "),
)
"""How a sentence to a person becomes one about a record, the longer phrases first."""


def impersonal(sentence: str) -> str:
    """Return a sentence as somebody else than the record's person reads it."""
    for to_them, about_them in _SPOKEN_TO:
        sentence = sentence.replace(to_them, about_them)
    return sentence


SOMEBODY_ELSE: Final = "Une autre personne"
"""A patient whose record it is not: without these words, the person would seem to have done it."""

NAMES: Final[Mapping[ActorType, str]] = {
    ActorType.SYSTEM: "Mon espace santé",
    ActorType.ENROLMENT: "Assurance Maladie",
    ActorType.SUPPORT: "Assistance",
}
"""Of those who have none of their own."""
