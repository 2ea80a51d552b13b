"""The documents that clinics write about a person: seeded, dated, some of them replaced by a corrected one.

The same person, seed and day give the same documents, with the same ids.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from hashlib import blake2b
from random import Random
from typing import Final
from uuid import UUID

from shared.clock import PARIS
from simulator import tables
from simulator.care import Act, Care, catalogue
from simulator.clinic_authors import author
from simulator.clinic_contents import (
    Matter,
    Write,
    biology,
    consultation,
    discharge,
    imaging,
    prescription,
    vaccination,
)
from simulator.clinic_header import Author, Header, document
from simulator.population import Person

_TEMPLATES: Final = "1.2.250.1.213.1.1.1"
_WRAPPED: Final = "1.3.6.1.4.1.19376.1.2.20"
"""A file in an envelope (IHE XDS-SD)."""
_SURGERY: Final = (("SA07", "Cabinet individuel"), ("AMBULATOIRE", "Ambulatoire"))
_LABORATORY: Final = (("SA25", "Laboratoire de biologie médicale"), ("AMBULATOIRE", "Ambulatoire"))
_HOSPITAL: Final = (("SA01", "Etablissement public de santé"), ("ETABLISSEMENT", "Etablissement de santé"))
_RECENT_DAYS: Final = 700
_FIRST_DAYS: Final = 6
"""The youngest care is so old that a stay in hospital has ended."""
_REPLACED_SHARE: Final = 0.12
_OPENING_HOURS: Final = range(8, 19)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document: its type, who writes it where, and what stands in it."""

    name: str
    type: tuple[str, str]
    title: str
    template: str
    speciality: str
    place: tuple[tuple[str, str], tuple[str, str]]
    write: Write
    wrapped: bool = False
    """A PDF in an envelope (N1), not sections (N3)."""
    care: str | None = None
    """The kind of invoice whose acts it is about."""
    days: int = 0
    """How long what it is about lasted."""


KINDS: Final = (
    Kind(
        "consultation", ("11488-4", "CR ou fiche de consultation ou de visite"), "Compte rendu de consultation",
        _WRAPPED, "SM54", _SURGERY, consultation, wrapped=True,
    ),
    Kind(
        "biology", ("11502-2", "CR d'examens biologiques"), "Compte rendu d'examens biologiques",
        f"{_TEMPLATES}.55", "SM03", _LABORATORY, biology,
    ),
    Kind(
        "prescription", ("57833-6", "Prescription de produits de santé"), "Prescription de médicaments",
        f"{_TEMPLATES}.39", "SM54", _SURGERY, prescription,
    ),
    Kind(
        "discharge", ("11490-0", "Lettre de liaison à la sortie d'un établissement de soins"),
        "Lettre de liaison à la sortie", f"{_TEMPLATES}.29", "SM04", _HOSPITAL, discharge, days=4,
    ),
    Kind(
        "imaging", ("18748-4", "CR d'imagerie médicale"), "Compte rendu d'imagerie médicale",
        _WRAPPED, "SM44", _HOSPITAL, imaging, wrapped=True, care="imaging",
    ),
    Kind(
        "vaccination", ("87273-9", "Note de vaccination"), "Note de vaccination",
        f"{_TEMPLATES}.46", "SM54", _SURGERY, vaccination,
    ),
)  # fmt: skip
_DRAWN: Final = tables.Weighted([(kind, weight) for kind, weight in zip(KINDS, (30, 22, 26, 6, 10, 6), strict=True)])


@dataclass(frozen=True, slots=True)
class ClinicalDocument:
    """A document ready to be deposited, and what a test or a summary wants to know of it."""

    unique_id: str
    kind: str
    title: str
    author: Author
    person: Person
    written: datetime
    replaces: str | None
    body: bytes = field(repr=False)


def documents(person: Person, seed: int, count: int, *, until: datetime) -> Iterator[ClinicalDocument]:
    """Yield documents about a person, in the order of the care, all before an instant.

    The first six are one of each kind; about one in eight corrects and replaces the one before it of its kind.
    """
    rng = Random(f"documents:{seed}:{person.ins}:{until:%Y-%m-%d}")
    kinds = [*rng.sample(KINDS, len(KINDS)), *(_DRAWN.draw(rng) for _ in range(count))][:count]
    latest: dict[str, tuple[Header, Matter]] = {}
    for number, (kind, on) in enumerate(zip(kinds, _days(rng, count, until.date()), strict=True)):
        earlier = latest.get(kind.name)
        if earlier is not None and rng.random() < _REPLACED_SHARE:
            header, matter = _correction(earlier, _oid(person, seed, f"{until:%Y-%m-%d}/{number}"))
        else:
            header, matter = _first(rng, kind, person, on, _oid(person, seed, f"{until:%Y-%m-%d}/{number}"))
        latest[kind.name] = header, matter
        yield _written(kind, header, matter)


def _days(rng: Random, count: int, until: date) -> list[date]:
    """Return days in order, the last of them before the end, most of them recent."""
    ages = sorted((_FIRST_DAYS + int(_RECENT_DAYS * rng.random() ** 2) for _ in range(count)), reverse=True)
    return [until - timedelta(days=age) for age in ages]


def _first(rng: Random, kind: Kind, person: Person, on: date, unique_id: str) -> tuple[Header, Matter]:
    begun = datetime.combine(on, time(rng.choice(_OPENING_HOURS), rng.randrange(0, 60, 5)), PARIS)
    ended = begun + timedelta(days=kind.days) if kind.days else None
    act, by = _act(rng, kind), author(person.department, kind.speciality, rng)
    header = Header(
        unique_id=unique_id,
        set_id=f"{unique_id}.1",
        version=1,
        type=kind.type,
        template=kind.template,
        title=kind.title,
        written=(ended or begun) + timedelta(minutes=20),
        person=person,
        author=by,
        facility=kind.place[0],
        setting=kind.place[1],
        begun=begun,
        ended=ended,
        acts=[act] if act else [],
    )
    about = f"{person.given_names[0]} {person.birth_name}, né(e) le {person.birth_date:%d/%m/%Y}"
    signed = f"Dr {by.given} {by.family}, {by.structure}"
    return header, Matter(Random(f"matter:{unique_id}"), on, act.label if act else "", about, signed)


def _correction(earlier: tuple[Header, Matter], unique_id: str) -> tuple[Header, Matter]:
    """Return the same document, an hour later, as the next version."""
    header, matter = earlier
    corrected = replace(
        header,
        unique_id=unique_id,
        version=header.version + 1,
        written=header.written + timedelta(hours=1),
        replaces=header.unique_id,
    )
    return corrected, replace(matter, rng=Random(f"matter:{unique_id}"), correction=True)


def _written(kind: Kind, header: Header, matter: Matter) -> ClinicalDocument:
    return ClinicalDocument(
        unique_id=header.unique_id,
        kind=kind.name,
        title=header.title,
        author=header.author,
        person=header.person,
        written=header.written,
        replaces=header.replaces,
        body=document(header, kind.write(matter)),
    )


def _act(rng: Random, kind: Kind) -> Act | None:
    if kind.care is None:
        return None
    care: Care = catalogue()[kind.care].draw(rng)
    return care.act


def _oid(person: Person, seed: int, which: str) -> str:
    """Return a document's id: a UUID as an OID (ITU-T X.667), which tells nothing of the person."""
    digest = blake2b(f"{seed}:{person.ins}:{which}".encode(), digest_size=16).digest()
    return f"2.25.{UUID(bytes=digest).int}"
