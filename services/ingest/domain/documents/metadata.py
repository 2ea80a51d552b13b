"""What is known of a document without opening it: IHE XDS's DocumentEntry, by its names."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from services.ingest.domain.documents.confidentiality import FROM_THE_PERSON, with_hidings
from shared.errors import RefusedError
from shared.identity import Ins

MIME_TYPE: Final = "text/xml"
"""Of every CDA document, whatever it wraps."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A code of a system (an OID), with the label that the document gives it."""

    code: str
    system: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Identifier:
    """HL7's instance identifier: who gave it (an OID or a UUID), and what; the root alone may be the whole of it."""

    root: str
    extension: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Return XDS's way of writing it."""
        return self.root if self.extension is None else f"{self.root}^{self.extension}"


@dataclass(frozen=True, slots=True)
class Organization:
    """A structure: its number (FINESS, SIRET) and its name."""

    identifier: Identifier | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Party:
    """A person, a patient or a device that wrote a document or answers for it."""

    identifier: Identifier | None
    family: str | None = field(repr=False)
    given: str | None = field(repr=False)
    device: str | None
    specialty: Coded | None
    organization: Organization | None


@dataclass(frozen=True, slots=True)
class SourcePatient:
    """The person as the sender knew them at the deposit; never changed afterwards."""

    identifier: Identifier | None
    """The sender's own number of the patient (IPP)."""
    birth_name: str | None
    given_names: str | None
    """All of them, as one text."""
    birth_date: date | None
    sex: str | None
    birth_place: str | None
    """INSEE code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentEntry:
    """A document's metadata; they are a person's health data as much as the document itself."""

    unique_id: str
    """The producer's: ``root`` or ``root^extension``. It makes a deposit idempotent (F26)."""
    type_code: Coded
    class_code: str
    """Derived from the type (F27)."""
    format_code: str
    title: str = field(repr=False)
    creation_time: datetime
    confidentiality: tuple[str, ...]
    """A level, then the hidings asked for: 1 to 4 codes of JDV_J08."""
    patient: Ins
    source_patient: SourcePatient = field(repr=False)
    authors: tuple[Party, ...] = field(repr=False)
    legal_authenticator: Party = field(repr=False)
    custodian: Organization
    service_start: datetime
    service_stop: datetime | None
    practice_setting: Coded | None
    facility_type: Coded | None
    event_codes: tuple[Coded, ...] = field(repr=False)
    replaces: tuple[str, ...]
    """Unique ids of the documents that this one replaces; they may be unknown here (F30)."""
    set_id: str | None
    version: int
    language: str
    mime_type: str
    media_type: str | None
    """Of the file that the document wraps (CDA level 1); None when its body is structured."""
    size: int
    """Bytes, as deposited."""
    sha256: str
    """Of the bytes as deposited, in hexadecimal."""


def check_patient(entry: DocumentEntry, expected: Ins) -> None:
    """Refuse a document about another person than the one for whom it is deposited; an identity is number and OID."""
    if (entry.patient.value, entry.patient.oid) != (expected.value, expected.oid):
        raise RefusedError("patient-mismatch", "patient")


def hidden_as_asked(entry: DocumentEntry, asked: Collection[str], *, combined: bool = False) -> DocumentEntry:
    """Return the entry with the hidings that the depositor asked for (F36)."""
    return replace(entry, confidentiality=with_hidings(entry.confidentiality[0], asked, combined=combined))


def is_hidden_from_the_person(entry: DocumentEntry) -> bool:
    """Tell whether the person is to learn nothing of the document (F35)."""
    return not FROM_THE_PERSON.isdisjoint(entry.confidentiality)
