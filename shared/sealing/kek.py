"""The key-encryption key: the one secret outside the database, without which the vault's rows are noise."""

import hashlib
import stat
from collections.abc import Sequence
from os import urandom
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.sealing.errors import KeyEncryptionError

SECRET_BYTES: Final = 32
_FORMAT: Final = b"\x01"
_KEK_ID_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_HEADER: Final = 1 + _KEK_ID_BYTES
_TEXT: Final = _HEADER + _NONCE_BYTES


class Wrapping(NamedTuple):
    """Bytes to wrap or unwrap, with the owner they belong to: a key moved to another owner does not open."""

    text: bytes
    place: bytes


class KeyEncryptionKey(Protocol):
    """Wraps data keys, a batch per call because a key-management service answers over the network."""

    async def wrap(self, items: Sequence[Wrapping]) -> list[bytes]:
        """Return each key wrapped under the current version; the result names the version."""
        ...

    async def unwrap(self, items: Sequence[Wrapping]) -> list[bytes]:
        """Return the materials; raise `KeyEncryptionError` if one was changed or its version unknown."""
        ...


class FileKek:
    """A key-encryption key kept in memory, read from a file: for development, tests and single hosts.

    A wrapped key is ``0x01 ‖ version (8) ‖ nonce (12) ‖ AES-256-GCM ciphertext and tag``, where the version
    is the start of a hash of the secret. Older secrets still unwrap; only the current one wraps.
    """

    def __init__(self, current: bytes, *older: bytes) -> None:
        self._ciphers = {_version(secret): AESGCM(secret) for secret in (current, *older)}
        self._current = _version(current)

    @classmethod
    def read(cls, current: Path, *older: Path) -> "FileKek":
        """Read the secrets with `read_secret`."""
        return cls(read_secret(current), *map(read_secret, older))

    async def wrap(self, items: Sequence[Wrapping]) -> list[bytes]:
        """See `KeyEncryptionKey.wrap`."""
        header = _FORMAT + self._current
        cipher = self._ciphers[self._current]
        nonces = [urandom(_NONCE_BYTES) for _ in items]
        return [
            header + nonce + cipher.encrypt(nonce, item.text, header + item.place)
            for nonce, item in zip(nonces, items, strict=True)
        ]

    async def unwrap(self, items: Sequence[Wrapping]) -> list[bytes]:
        """See `KeyEncryptionKey.unwrap`."""
        return [self._unwrap(item.text, item.place) for item in items]

    def _unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        header = wrapped[:_HEADER]
        cipher = self._ciphers.get(header[1:])
        if cipher is None or header[:1] != _FORMAT:
            raise KeyEncryptionError("a key was wrapped under a version of the key-encryption key that is not here")
        try:
            return cipher.decrypt(wrapped[_HEADER:_TEXT], wrapped[_TEXT:], header + place)
        except (InvalidTag, ValueError):
            raise KeyEncryptionError("a wrapped key was changed or belongs to another owner") from None


def read_secret(path: Path) -> bytes:
    """Return a secret's 32 raw bytes; raise `KeyEncryptionError` unless only the file's owner may read it."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            secret = file.read(SECRET_BYTES + 1)
    except OSError as error:
        raise KeyEncryptionError(f"cannot read the secret {path.name}: {error.strerror}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyEncryptionError(f"the secret {path.name} is open to others (mode {mode:04o}); make it 0400")
    if len(secret) != SECRET_BYTES:
        raise KeyEncryptionError(f"the secret {path.name} must be exactly {SECRET_BYTES} bytes")
    return secret


def _version(secret: bytes) -> bytes:
    if len(secret) != SECRET_BYTES:
        raise KeyEncryptionError(f"a key-encryption key is exactly {SECRET_BYTES} bytes")
    return hashlib.sha256(b"carnet key-encryption key version\x00" + secret).digest()[:_KEK_ID_BYTES]
