"""A document of a record: its links in clear, what it is in a box; and what its person said of it since."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from services.records.domain.chain import Link


class Hiding(StrEnum):
    """From whom the depositor asked to hide a document (TRE_A07)."""

    FROM_PROFESSIONALS = "MASQUE_PS"
    FROM_PATIENT = "INVISIBLE_PATIENT"
    """Until a professional has announced it (CSP R1111-53)."""
    FROM_REPRESENTATIVES = "INVISIBLE_REPRESENTANTS_LEGAUX"


FROM_THE_PERSON: Final = frozenset({Hiding.FROM_PATIENT, Hiding.FROM_REPRESENTATIVES})
"""Whoever logs in for a child is not told apart from the child: either learns nothing of these (F35)."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was received; ``version`` counts what its person changed since."""

    id: str
    """A keyed hash of the producer's unique id."""
    record: str
    content: str
    """Names the sealed bytes."""
    created: datetime
    """When it was written, as it says."""
    replaces: tuple[str, ...]
    size: int
    """Bytes, as deposited."""
    depositor: str
    """A keyed hash of who deposited it."""
    stored: datetime
    event: str
    """Id of the event that brought it."""
    box: bytes = field(repr=False)
    """What it is: opened for whoever may know that it exists."""
    masked: bool | None = None
    """What the person decided; None: as it was deposited (CSP R1111-49)."""
    version: int = 1
    inherits: bool = False
    """It replaces one that the person masked, and nothing was decided of it: reckoned at each read, never kept."""

    @property
    def link(self) -> Link:
        """Its place in a chain of replacements."""
        return Link(self.id, self.created, self.replaces, self.masked)


@dataclass(frozen=True, slots=True)
class Coded:
    """A code of a system (an OID), with its label."""

    code: str
    system: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a document, as it says."""

    name: str | None
    number: str | None = field(default=None, repr=False)
    """The national id, if the author is a professional who gave one."""
    organisation: str | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """What a document is: the text of its box."""

    type: Coded
    class_code: str
    title: str = field(repr=False)
    format_code: str
    hidings: frozenset[Hiding]
    level: str
    """N, R or V (HL7)."""
    authors: tuple[Author, ...] = field(repr=False)
    service_start: datetime
    service_stop: datetime | None
    mime_type: str
    media_type: str | None
    """Of the file that it wraps; None when its body is structured."""
    language: str
    sha256: str
    """Of the bytes as deposited, in hexadecimal."""


def is_masked(document: Document, description: Description) -> bool:
    """Tell whether professionals do not see it: as the person decided last, else as it was deposited (F33)."""
    if document.masked is not None:
        return document.masked
    return document.inherits or Hiding.FROM_PROFESSIONALS in description.hidings


def as_inherited(document: Document, inheriting: frozenset[str]) -> Document:
    """Return a document that is masked like one that it replaces, if it is among those (`chain.inherit_mask`)."""
    return replace(document, inherits=True) if document.id in inheriting else document


def is_author(document: Document, description: Description, number: str, name: str) -> bool:
    """Tell whether a professional, by national id and its keyed hash, wrote or deposited a document."""
    return document.depositor == name or any(author.number == number for author in description.authors)


def mask(document: Document, masked: bool, was_masked: bool) -> Document:
    """Return a document as its person wants it; the same one if it is so already."""
    if masked == was_masked and not document.inherits:
        return document
    return replace(document, masked=masked, inherits=False, version=document.version + 1)
