"""The vocabulary of keys: what a key is, whose it is, and the port through which services reach the vault."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Final, Protocol, TypeAlias

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.identity.record_id import RecordId

KEY_ID_BYTES: Final = 16
MATERIAL_BYTES: Final = 32


class KeyClass(StrEnum):
    """What a key protects. Classes are destroyed apart: their legal times differ."""

    IDENTITY = "identity"
    CONTENT = "content"
    REIMBURSEMENT = "reimbursement"
    AUDIT = "audit"
    INTAKE = "intake"
    """A service's own rows whose record is not known yet; the subject is a day or the service's name."""


Owner: TypeAlias = tuple[str, KeyClass]
"""Whose key it is: a record id (for ``INTAKE`` a day or a service) and the class; one key at a time."""


@dataclass(frozen=True, slots=True)
class Key:
    """One data-encryption key (AES-256). ``id`` is random, says nothing of its owner, and every box names it."""

    id: bytes
    material: bytes = field(repr=False)
    cipher: AESGCM = field(init=False, repr=False, compare=False)
    """Built once: a new cipher object per box would cost half as much again as the sealing."""

    def __post_init__(self) -> None:
        if len(self.id) != KEY_ID_BYTES or len(self.material) != MATERIAL_BYTES:
            raise ValueError("a key has an id of 16 bytes and 32 bytes of material")
        object.__setattr__(self, "cipher", AESGCM(self.material))


class Erased(Enum):
    """The type of :data:`ERASED`, so that a type checker narrows ``bytes | Erased``."""

    ERASED = "erased"


ERASED: Final = Erased.ERASED
"""Stands for a key destroyed on purpose and for a text sealed under it: a normal value, never retried."""


class KeyMaker(Protocol):
    """The part of a vault that whoever seals needs."""

    async def ensure_keys(self, owners: Collection[Owner]) -> Mapping[Owner, Key]:
        """See `Vault.ensure_keys`."""
        ...


class KeyReader(Protocol):
    """The part of a vault that whoever opens needs."""

    async def keys_by_id(self, ids: Collection[bytes]) -> Mapping[bytes, Key | Erased]:
        """See `Vault.keys_by_id`."""
        ...


class Vault(Protocol):
    """Keys by owner and by id, and the map from a person's blind index to their record id.

    Every method takes a whole batch and asks the database a few times at most, never once per element. What
    was found is remembered for up to 30 s: a key destroyed by another process may still serve here that long.
    """

    async def ensure_keys(self, owners: Collection[Owner]) -> Mapping[Owner, Key]:
        """Return a key for every owner; mint, majority-durable, what is missing. Any race gives one key."""
        ...

    async def find_keys(self, owners: Collection[Owner]) -> Mapping[Owner, Key]:
        """Return the keys that exist; an owner without one is absent from the answer."""
        ...

    async def keys_by_id(self, ids: Collection[bytes]) -> Mapping[bytes, Key | Erased]:
        """Return what became of each key id: the key, or ``ERASED``. An id that never existed is absent."""
        ...

    async def ensure_subjects(self, indexes: Collection[str]) -> Mapping[str, RecordId]:
        """Return a record id for every blind index; mint what is missing. Any race gives one id."""
        ...

    async def find_subjects(self, indexes: Collection[str]) -> Mapping[str, RecordId]:
        """Return the record ids that exist; an unknown index is absent from the answer."""
        ...

    async def destroy_keys(self, subject: str, classes: Collection[KeyClass]) -> int:
        """Destroy a subject's keys of these classes for ever and return how many there were. Idempotent."""
        ...
