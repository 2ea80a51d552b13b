"""The vault in MongoDB: wrapped keys, destroyed keys' ids, and the record id of each person's blind index.

Rows are only inserted and deleted, never updated, so that ingest's role needs no more than find and insert:

- ``keys``      {_id: key id, subject, class, wrapped}, one per (subject, class)
- ``erased``    {_id: key id}, written before the key goes: it tells an erasure from a key that was never here
- ``subjects``  {_id: blind index, record: record id}
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from os import urandom
from time import monotonic
from typing import Any, Final

from bson.binary import Binary
from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from shared.identity.record_id import RecordId, new_record_id
from shared.mongo import Document, ensure_index
from shared.sealing.errors import SealError
from shared.sealing.kek import KeyEncryptionKey, Wrapping
from shared.sealing.keys import ERASED, KEY_ID_BYTES, MATERIAL_BYTES, Erased, Key, KeyClass, Owner
from shared.sealing.recent import Recent

_DUPLICATE_KEY: Final = 11000
_ROUNDS: Final = 5
"""A lost race is settled by the next look; more rounds only if keys are destroyed while others mint them."""


class MongoVault:
    """The `Vault` on a MongoDB database: majority and journaled writes, majority reads from the primary."""

    def __init__(
        self,
        database: AsyncDatabase[Document],
        kek: KeyEncryptionKey,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._kek = kek
        self._keys = database["keys"]
        self._erased = database["erased"]
        self._subjects = database["subjects"]
        self._keys_by_owner: Recent[Owner, Key] = Recent(clock)
        self._keys_by_id: Recent[bytes, Key] = Recent(clock)
        self._records: Recent[str, RecordId] = Recent(clock)

    async def prepare(self) -> None:
        """Create the index that keeps one key per owner. Once per database, before anything is minted."""
        await ensure_index(self._keys, IndexModel([("subject", ASCENDING), ("class", ASCENDING)], unique=True))

    async def ensure_keys(self, owners: Collection[Owner]) -> Mapping[Owner, Key]:
        """See `Vault.ensure_keys`. One find and one insert for what is not remembered."""
        found = self._keys_by_owner.known(owners)
        for _ in range(_ROUNDS):
            if len(found) == len(owners) or not (missing := set(owners) - found.keys()):
                return found
            found |= await self._read_keys(missing)
            found |= await self._mint_keys(missing - found.keys())
        raise SealError("keys are being destroyed as fast as they are made")

    async def find_keys(self, owners: Collection[Owner]) -> Mapping[Owner, Key]:
        """See `Vault.find_keys`."""
        found = self._keys_by_owner.known(owners)
        return found | await self._read_keys(set(owners) - found.keys())

    async def keys_by_id(self, ids: Collection[bytes]) -> Mapping[bytes, Key | Erased]:
        """See `Vault.keys_by_id`."""
        found: dict[bytes, Key | Erased] = dict(self._keys_by_id.known(ids))
        if missing := set(ids) - found.keys():
            rows = await self._keys.find({"_id": {"$in": _binaries(missing)}}).to_list()
            found |= {key.id: key for key in (await self._unwrap(rows)).values()}
        if missing := missing - found.keys():
            gone = await self._erased.find({"_id": {"$in": _binaries(missing)}}).to_list()
            found |= {bytes(row["_id"]): ERASED for row in gone}
        return found

    async def ensure_subjects(self, indexes: Collection[str]) -> Mapping[str, RecordId]:
        """See `Vault.ensure_subjects`. One find and one insert for what is not remembered."""
        found = self._records.known(indexes)
        for _ in range(_ROUNDS):
            if len(found) == len(indexes) or not (missing := set(indexes) - found.keys()):
                return found
            found |= await self._read_subjects(missing)
            found |= await self._mint_subjects(missing - found.keys())
        raise SealError("subjects are being removed as fast as they are made")

    async def find_subjects(self, indexes: Collection[str]) -> Mapping[str, RecordId]:
        """See `Vault.find_subjects`."""
        found = self._records.known(indexes)
        return found | await self._read_subjects(set(indexes) - found.keys())

    async def destroy_keys(self, subject: str, classes: Collection[KeyClass]) -> int:
        """See `Vault.destroy_keys`. Killed half-way it leaves keys readable, never a hole unexplained."""
        owned = {"subject": subject, "class": {"$in": [str(name) for name in classes]}}
        ids = [row["_id"] for row in await self._keys.find(owned, {"_id": 1}).to_list()]
        if ids:
            await _insert_absent(self._erased, [{"_id": key_id} for key_id in ids])
            await self._keys.delete_many({"_id": {"$in": ids}})
        self._keys_by_owner.forget((subject, name) for name in classes)
        self._keys_by_id.forget(map(bytes, ids))
        return len(ids)

    async def _read_keys(self, owners: Collection[Owner]) -> dict[Owner, Key]:
        if not owners:
            return {}
        subjects, classes = ({owner[part] for owner in owners} for part in (0, 1))
        owned = {"subject": {"$in": list(subjects)}, "class": {"$in": [str(name) for name in classes]}}
        rows = await self._keys.find(owned).to_list()
        return await self._unwrap([row for row in rows if _owner(row) in owners])

    async def _mint_keys(self, owners: Collection[Owner]) -> dict[Owner, Key]:
        """Insert a new key for each owner and return those that no other process had inserted meanwhile."""
        if not owners:
            return {}
        keys = {owner: Key(urandom(KEY_ID_BYTES), urandom(MATERIAL_BYTES)) for owner in owners}
        wrapped = await self._kek.wrap([Wrapping(k.material, _place(k.id, o)) for o, k in keys.items()])
        rows = [
            {"_id": Binary(key.id), "subject": subject, "class": str(name), "wrapped": Binary(secret)}
            for ((subject, name), key), secret in zip(keys.items(), wrapped, strict=True)
        ]
        inserted = {_owner(row) for row in await _insert_absent(self._keys, rows)}
        return self._remember({owner: key for owner, key in keys.items() if owner in inserted})

    async def _unwrap(self, rows: Sequence[Document]) -> dict[Owner, Key]:
        places = [Wrapping(row["wrapped"], _place(row["_id"], _owner(row))) for row in rows]
        materials = await self._kek.unwrap(places)
        keys = {_owner(r): Key(bytes(r["_id"]), secret) for r, secret in zip(rows, materials, strict=True)}
        return self._remember(keys)

    def _remember(self, keys: dict[Owner, Key]) -> dict[Owner, Key]:
        for owner, key in keys.items():
            self._keys_by_owner.put(owner, key)
            self._keys_by_id.put(key.id, key)
        return keys

    async def _read_subjects(self, indexes: Collection[str]) -> dict[str, RecordId]:
        if not indexes:
            return {}
        rows = await self._subjects.find({"_id": {"$in": list(indexes)}}).to_list()
        return self._remember_subjects(rows)

    async def _mint_subjects(self, indexes: Collection[str]) -> dict[str, RecordId]:
        rows: list[Document] = [{"_id": index, "record": new_record_id()} for index in indexes]
        return self._remember_subjects(await _insert_absent(self._subjects, rows))

    def _remember_subjects(self, rows: Iterable[Document]) -> dict[str, RecordId]:
        records = {row["_id"]: RecordId(row["record"]) for row in rows}
        for index, record in records.items():
            self._records.put(index, record)
        return records


async def _insert_absent(collection: AsyncCollection[Document], rows: list[Document]) -> list[Document]:
    """Insert in one round trip and return the rows that were new; any trouble but a duplicate is raised.

    A duplicate still waits for the majority, so the row that won the race is seen by the next majority read.
    """
    if not rows:
        return []
    try:
        await collection.insert_many(rows, ordered=False)
    except BulkWriteError as error:
        troubles = error.details["writeErrors"]
        if error.details["writeConcernErrors"] or any(t["code"] != _DUPLICATE_KEY for t in troubles):
            raise
        lost = {trouble["index"] for trouble in troubles}
        return [row for position, row in enumerate(rows) if position not in lost]
    return rows


def _owner(row: Mapping[str, Any]) -> Owner:
    return row["subject"], KeyClass(row["class"])


def _place(key_id: bytes, owner: Owner) -> bytes:
    return key_id + f"{owner[1]}:{owner[0]}".encode()


def _binaries(ids: Iterable[bytes]) -> list[Binary]:
    return [Binary(key_id) for key_id in ids]
