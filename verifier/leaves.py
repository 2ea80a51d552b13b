"""What one entry of the log is: who committed to what, in 137 bytes that say nothing by themselves.

    leaf       = "carnet-audit/v1" 0x00 ‖ event (16) ‖ milliseconds (8) ‖ number of groups (1) ‖ commitment (32) of each
    commitment = SHA-256("carnet-audit/v1" 0x00 ‖ group ‖ 0x00 ‖ salt (32) ‖ text)

Numbers are written with the big end first. The texts are kept elsewhere and can be destroyed; without its salt a
commitment cannot be tested against a guess, so that what remains says nothing of anybody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import digest
from typing import Final

from verifier.faults import TamperedError

DOMAIN: Final = b"carnet-audit/v1\0"
EVENT_BYTES: Final = 16
_TIME_BYTES: Final = 8
HASH_BYTES: Final = 32
SALT_BYTES: Final = 32


class Group(StrEnum):
    """The three parts of an entry, each of which can be shown without the others."""

    SUBJECT = "subject"
    """Whose record, and the entry's place among all about that record."""
    ACTOR = "actor"
    """Which process told it, and its number among all that this process told."""
    DETAIL = "detail"
    """The event itself, as it was published."""


GROUPS: Final = tuple(Group)
_NAMES: Final = {group: group.encode() for group in GROUPS}
_PREFIXES: Final = {group: DOMAIN + name + b"\0" for group, name in _NAMES.items()}
LEAF_BYTES: Final = len(DOMAIN) + EVENT_BYTES + _TIME_BYTES + 1 + len(GROUPS) * HASH_BYTES


@dataclass(frozen=True, slots=True)
class Leaf:
    """An entry as the tree holds it."""

    event: bytes
    """Names the event: the first 16 bytes of the SHA-256 of its source, a vertical bar and its id."""
    recorded_at: int
    """When the log took it, in milliseconds since 1970-01-01 UTC; never less than the entry before."""
    commitments: Sequence[bytes]
    """In the order of `GROUPS`."""

    def __bytes__(self) -> bytes:
        """Return the bytes that are hashed into the tree."""
        head = DOMAIN + self.event + self.recorded_at.to_bytes(_TIME_BYTES) + bytes([len(self.commitments)])
        return head + b"".join(self.commitments)


@dataclass(frozen=True, slots=True)
class Opened:
    """What proves a commitment."""

    salt: bytes
    text: bytes


def event_name(source: str, event_id: str) -> bytes:
    """Return what a leaf calls an event."""
    return sha256(f"{source}|{event_id}".encode()).digest()[:EVENT_BYTES]


def salt_of(seed: bytes, group: Group) -> bytes:
    """Return a group's salt: one random seed serves an entry, and showing one salt does not show another."""
    return digest(seed, _NAMES[group], "sha256")


def commitment(group: Group, opened: Opened) -> bytes:
    """Return the commitment to a text."""
    return sha256(_PREFIXES[group] + opened.salt + opened.text).digest()


def parse_leaf(raw: bytes) -> Leaf:
    """Return a leaf; raise `TamperedError` for bytes that no leaf of this version has."""
    if len(raw) != LEAF_BYTES or not raw.startswith(DOMAIN):
        raise TamperedError("leaf-malformed")
    event, rest = _cut(raw[len(DOMAIN) :], EVENT_BYTES)
    time, rest = _cut(rest, _TIME_BYTES)
    count, rest = _cut(rest, 1)
    if count[0] != len(GROUPS):
        raise TamperedError("leaf-malformed")
    return Leaf(event, int.from_bytes(time), [rest[at : at + HASH_BYTES] for at in range(0, len(rest), HASH_BYTES)])


def check_opened(leaf: Leaf, texts: Mapping[Group, Opened]) -> None:
    """Raise `TamperedError` naming the first group whose text is not the one that the leaf commits to."""
    for group, committed in zip(GROUPS, leaf.commitments, strict=True):
        if group in texts and commitment(group, texts[group]) != committed:
            raise TamperedError("commitment-mismatch", group)


def _cut(raw: bytes, length: int) -> tuple[bytes, bytes]:
    return raw[:length], raw[length:]
