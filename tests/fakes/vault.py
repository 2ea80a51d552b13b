"""A vault in memory: the same answers as the real one, proved by the suite that both pass."""

from collections.abc import Collection, Mapping
from os import urandom

from shared.identity.record_id import RecordId, new_record_id
from shared.sealing import ERASED, Erased, Key, KeyClass, Owner


class InMemoryVault:
    """`shared.sealing.Vault` without a database."""

    def __init__(self) -> None:
        self.keys: dict[Owner, Key] = {}
        self.erased: set[bytes] = set()
        self.subjects: dict[str, RecordId] = {}

    async def ensure_keys(self, owners: Collection[Owner]) -> Mapping[Owner, Key]:
        """Return a key for every owner, minting what is missing."""
        for owner in owners:
            if owner not in self.keys:
                self.keys[owner] = Key(urandom(16), urandom(32))
        return {owner: self.keys[owner] for owner in owners}

    async def find_keys(self, owners: Collection[Owner]) -> Mapping[Owner, Key]:
        """Return the keys that exist."""
        return {owner: self.keys[owner] for owner in owners if owner in self.keys}

    async def keys_by_id(self, ids: Collection[bytes]) -> Mapping[bytes, Key | Erased]:
        """Return the key or ``ERASED`` of each id ever minted."""
        found: dict[bytes, Key | Erased] = {key.id: key for key in self.keys.values() if key.id in ids}
        return found | dict.fromkeys(self.erased & set(ids), ERASED)

    async def ensure_subjects(self, indexes: Collection[str]) -> Mapping[str, RecordId]:
        """Return a record id for every blind index, minting what is missing."""
        return {index: self.subjects.setdefault(index, new_record_id()) for index in indexes}

    async def find_subjects(self, indexes: Collection[str]) -> Mapping[str, RecordId]:
        """Return the record ids that exist."""
        return {index: self.subjects[index] for index in indexes if index in self.subjects}

    async def destroy_keys(self, subject: str, classes: Collection[KeyClass]) -> int:
        """Destroy a subject's keys of these classes and return how many there were."""
        gone = [key for name in classes if (key := self.keys.pop((subject, name), None))]
        self.erased |= {key.id for key in gone}
        return len(gone)
