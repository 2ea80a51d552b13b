"""What the log keeps of one event: a leaf for good, and an opening that can be destroyed.

The leaf commits to three texts and says none of them (`verifier.leaves`). The texts lie sealed in the opening, behind
the seed of their salts: without the opening nobody can test a guess at what was said.

    box's text = seed (32) ‖ length (4) ‖ subject ‖ length (4) ‖ actor ‖ detail
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from os import urandom
from typing import Final

import orjson

from services.audit.domain.envelope import Envelope
from services.audit.domain.marks import mark_of
from shared.errors import CarnetError
from verifier.leaves import GROUPS, SALT_BYTES, Group, Leaf, Opened, commitment, salt_of
from verifier.merkle import EMPTY_ROOT, leaf_hash

_LENGTH_BYTES: Final = 4


class MalformedOpeningError(CarnetError):
    """What was sealed is no opening."""


@dataclass(frozen=True, slots=True)
class Head:
    """How far the log goes: its size and root, when its last entry was recorded, and who may append."""

    size: int
    root: bytes
    time: int
    """Milliseconds since 1970-01-01 UTC; no later entry has less."""
    epoch: int


EMPTY: Final = Head(size=0, root=EMPTY_ROOT, time=0, epoch=0)


@dataclass(frozen=True, slots=True)
class Link:
    """Where the chain of one record has come to: how many entries are about it, and the hash of the last one's leaf."""

    number: int
    hash: bytes


FIRST: Final = Link(0, b"")


@dataclass(frozen=True, slots=True)
class Opening:
    """What proves an entry. Destroying it erases what was said, and about whom; the entry stays."""

    type: str
    record: str | None
    number: int | None
    """The entry's place among all about the record."""
    box: bytes
    """The seed and the texts, sealed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf at its place for good."""

    index: int
    leaf: Leaf


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry, and what proves it."""

    entry: Entry
    opening: Opening


@dataclass(frozen=True, slots=True)
class Fresh:
    """An entry before it has a place in the log."""

    leaf: Leaf
    raw: bytes
    """The leaf's bytes."""
    hash: bytes
    opening: Opening


@dataclass(frozen=True, slots=True)
class Told:
    """The texts of an event and the seed of their salts, committed to."""

    commitments: Sequence[bytes]
    text: bytes
    """To be sealed."""


def tell(event: Envelope, link: Link) -> Told:
    """Return what an entry says of an event; ``link`` is the chain of its record before it."""
    seed = urandom(SALT_BYTES)
    texts = (_subject(event, link), _actor(event), event.raw)
    committed = [
        commitment(group, Opened(salt_of(seed, group), text)) for group, text in zip(GROUPS, texts, strict=True)
    ]
    framed = [len(text).to_bytes(_LENGTH_BYTES) + text for text in texts[:-1]]
    return Told(committed, b"".join((seed, *framed, texts[-1])))


def fresh(name: bytes, event: Envelope, told: Told, *, time: int, number: int | None, box: bytes) -> Fresh:
    """Return the entry of an event under its name; ``box`` is what was told, sealed."""
    leaf = Leaf(name, time, told.commitments)
    raw = bytes(leaf)
    return Fresh(leaf, raw, leaf_hash(raw), Opening(event.type, event.subject, number, box))


def texts_of(text: bytes) -> Mapping[Group, Opened]:
    """Return what a box held, each text with its own salt; raise `MalformedOpeningError` if it is no opening."""
    seed, at = text[:SALT_BYTES], SALT_BYTES
    texts = []
    for _ in GROUPS[:-1]:
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(text[at:start])
        texts.append(text[start:at])
    if at > len(text):
        raise MalformedOpeningError
    texts.append(text[at:])
    return {group: Opened(salt_of(seed, group), each) for group, each in zip(GROUPS, texts, strict=True)}


def _actor(event: Envelope) -> bytes:
    mark = mark_of(event)
    told = {} if mark is None else {name: value for name, value in asdict(mark).items() if value is not None}
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def _subject(event: Envelope, link: Link) -> bytes:
    if event.subject is None:
        return b"{}"
    chained = {"record": event.subject, "entry": link.number + 1, "previous": b64encode(link.hash).decode()}
    return orjson.dumps(chained, option=orjson.OPT_SORT_KEYS)
