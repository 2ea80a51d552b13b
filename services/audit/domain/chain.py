"""The log as a chain: what an entry says, how it is bound to the one before, and how damage shows.

    commitment = SHA-256("carnet-audit/v1" ‖ salt (32) ‖ envelope)
    hash(i)    = SHA-256(0x00 ‖ hash(i-1) ‖ framed fields of entry i),  hash(-1) = 32 zero bytes

The fields are, in order: index, event key, type, time as said, recorded at, subject, commitment. Each is
preceded by its length in 4 bytes; numbers are 8 bytes, big end first; text is UTF-8; an absent subject is empty.
A commitment says nothing of its envelope without the salt, so that both can be destroyed and every hash still holds.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DOMAIN: Final = b"carnet-audit/v1"
GENESIS: Final = bytes(32)
SALT_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Leaf:
    """What the log says of one event, before it has a place in the log."""

    key: str
    type: str
    time: str
    recorded_at: int
    """When audit took it, in milliseconds since 1970-01-01 UTC."""
    subject: str | None
    commitment: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf at its place for good; ``hash`` binds it to all entries before."""

    index: int
    leaf: Leaf
    hash: bytes


@dataclass(frozen=True, slots=True)
class Opening:
    """What proves that an entry commits to an envelope; destroying it erases the envelope, not the entry."""

    salt: bytes
    box: bytes
    """The envelope, sealed."""


@dataclass(frozen=True, slots=True)
class Head:
    """How far the log goes: its size, the hash of its last entry, and the epoch of the one who may append."""

    size: int
    hash: bytes
    epoch: int


EMPTY: Final = Head(size=0, hash=GENESIS, epoch=0)


class Damage(StrEnum):
    """What can be wrong at an index."""

    MISSING = "the entry is missing"
    ALTERED = "the entry does not follow from its content and the entry before it"
    BEYOND = "the entry lies beyond the head of the log"
    HEAD = "the head of the log does not name this last entry's hash"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first place where the log is not what was appended."""

    index: int
    damage: Damage


def commit_to(salt: bytes, envelope: bytes) -> bytes:
    """Return the commitment to an envelope; the salt is random and 32 bytes, so no envelope can be guessed."""
    return hashlib.sha256(DOMAIN + salt + envelope).digest()


def entry_hash(previous: bytes, index: int, leaf: Leaf) -> bytes:
    """Return the hash of a leaf at an index after the entry with the hash ``previous``."""
    fields = (
        index.to_bytes(8, "big"),
        leaf.key.encode(),
        leaf.type.encode(),
        leaf.time.encode(),
        leaf.recorded_at.to_bytes(8, "big"),
        (leaf.subject or "").encode(),
        leaf.commitment,
    )
    framed = b"".join([len(field).to_bytes(4, "big") + field for field in fields])
    return hashlib.sha256(b"\x00" + previous + framed).digest()


def extend(head: Head, leaves: Iterable[Leaf]) -> list[Entry]:
    """Return the entries that the leaves become after a head, in their order."""
    entries = []
    previous = head.hash
    for index, leaf in enumerate(leaves, start=head.size):
        previous = entry_hash(previous, index, leaf)
        entries.append(Entry(index, leaf, previous))
    return entries


def advance(head: Head, entries: Sequence[Entry]) -> Head:
    """Return the head after appending entries made by `extend`."""
    return Head(head.size + len(entries), entries[-1].hash if entries else head.hash, head.epoch)


def find_fault(entries: Iterable[Entry], head: Head) -> Fault | None:
    """Return the first fault of a whole log, from index 0 to its head; None if there is none.

    It finds what changed inside the log. Somebody who rewrites all of it, head included, is only caught by a
    head that others have kept.
    """
    size, previous = 0, GENESIS
    for entry in entries:
        if entry.index != size:
            return Fault(size, Damage.MISSING)
        if size == head.size:
            return Fault(size, Damage.BEYOND)
        if entry.hash != entry_hash(previous, entry.index, entry.leaf):
            return Fault(size, Damage.ALTERED)
        size, previous = size + 1, entry.hash
    if size < head.size:
        return Fault(size, Damage.MISSING)
    return None if previous == head.hash else Fault(max(size - 1, 0), Damage.HEAD)
