"""Signed notes, strictly: a text, and lines of who signed it (C2SP signed-note, tlog-cosignature).

A note is what a log and its witnesses put their names to. Nothing that could be read in two ways is accepted:
no other white space, no base64 that spells the same bytes differently.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Collection
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from verifier.faults import TamperedError

MAX_NOTE: Final = 64 * 1024
MAX_SIGNATURES: Final = 32
_TIMESTAMP_BYTES: Final = 8
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 4
_LINE: Final = re.compile("— ([^\\s+]+) ([A-Za-z0-9+/]+={0,2})")
_VKEY: Final = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})")


class Kind(IntEnum):
    """The signature types that Carnet uses."""

    LOG = 0x01
    """Ed25519 over the text."""
    WITNESS = 0x04
    """Ed25519 over a header with the time, and the text."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, under the name and for the kind of signature that it is trusted for."""

    name: str
    kind: Kind
    public: bytes
    """32 bytes, as RFC 8032 encodes them."""

    @property
    def id(self) -> bytes:
        """Return the four bytes that stand before its signatures: they find the key, and prove nothing."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:_ID_BYTES]

    def __str__(self) -> str:
        """Return the key as a policy file writes it (vkey)."""
        return f"{self.name}+{self.id.hex()}+{b64encode(bytes([self.kind]) + self.public).decode()}"


@dataclass(frozen=True, slots=True)
class Signature:
    """One line under a text."""

    name: str
    id: bytes
    signed: bytes

    def __str__(self) -> str:
        """Return the line, without its end."""
        return f"— {self.name} {b64encode(self.id + self.signed).decode()}"


@dataclass(frozen=True, slots=True)
class Note:
    """A text with its final newline, and the signatures under it, not verified yet."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        """Return the note as it is exchanged."""
        return self.text + "\n" + "".join(f"{signature}\n" for signature in self.signatures)


@dataclass(frozen=True, slots=True)
class Signer:
    """A key whose signature under a note is good; a witness says when it signed, in seconds since 1970."""

    key: Key
    time: int | None = None


def parse_key(text: str) -> Key:
    """Return the key of a vkey; raise `TamperedError` for anything else."""
    found = _VKEY.fullmatch(text)
    body = decode(found[3]) if found else b""
    if found is None or len(body) != 1 + _KEY_BYTES or body[0] not in tuple(Kind):
        raise TamperedError("key-malformed")
    key = Key(found[1], Kind(body[0]), body[1:])
    if key.id.hex() != found[2]:
        raise TamperedError("key-id")
    return key


def parse_note(raw: bytes) -> Note:
    """Return a note; raise `TamperedError` unless every byte of it is as the format has it."""
    if len(raw) > MAX_NOTE:
        raise TamperedError("note-too-large")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise TamperedError("note-not-utf-8") from None
    if any(ord(each) < ord(" ") and each != "\n" for each in text):
        raise TamperedError("note-control-character")
    body, parting, signed = text.rpartition("\n\n")
    if not parting or not body or not signed.endswith("\n"):
        raise TamperedError("note-malformed")
    lines = signed[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise TamperedError("note-too-many-signatures")
    return Note(body + "\n", tuple(parse_signature(line) for line in lines))


def parse_signature(line: str) -> Signature:
    """Return the signature of a line."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise TamperedError("signature-malformed")
    body = decode(found[2])
    if len(body) <= _ID_BYTES:
        raise TamperedError("signature-malformed")
    return Signature(found[1], body[:_ID_BYTES], body[_ID_BYTES:])


def signers(note: Note, known: Collection[Key]) -> list[Signer]:
    """Return who of the known keys signed a note.

    Signatures of unknown keys are passed over, as the format demands; one of a known key that is not good
    discredits the whole note: `TamperedError`, as for a note that no known key signed.
    """
    by_place = {(key.name, key.id): key for key in known}
    found = {}
    for signature in note.signatures:
        key = by_place.get((signature.name, signature.id))
        if key is not None:
            found[key] = _verified(note.text, key, signature.signed)
    if not found:
        raise TamperedError("signature-missing")
    return list(found.values())


def cosigned_message(text: str, time: int) -> bytes:
    """Return what a witness signs of a text (tlog-cosignature, Ed25519)."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def decode(text: str) -> bytes:
    """Return the bytes of a base64 text; raise `TamperedError` unless it is the one spelling of them."""
    try:
        body = b64decode(text, validate=True)
    except ValueError:
        raise TamperedError("base64") from None
    if b64encode(body).decode() != text:
        raise TamperedError("base64")
    return body


def _verified(text: str, key: Key, signed: bytes) -> Signer:
    time = None
    message = text.encode()
    if key.kind is Kind.WITNESS:
        time, signed = int.from_bytes(signed[:_TIMESTAMP_BYTES]), signed[_TIMESTAMP_BYTES:]
        message = cosigned_message(text, time)
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signed, message)
    except (InvalidSignature, ValueError):
        raise TamperedError("signature-bad", key.name) from None
    return Signer(key, time)
