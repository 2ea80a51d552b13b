"""The keys that audit meets: those of records in the shared vault, which it only reads, and its own."""

from collections.abc import Collection, Mapping

from shared.identity import RecordId
from shared.sealing import Erased, Key, Owner
from shared.sealing.mongo_vault import MongoVault


class TwoVaults:
    """The `Vaults`: whatever the shared vault does not know may be under audit's own key."""

    def __init__(self, shared: MongoVault, own: MongoVault, own_key: Key) -> None:
        self._shared = shared
        self._own = own
        self._own_key = own_key

    async def find_subjects(self, indexes: Collection[str]) -> Mapping[str, RecordId]:
        """See `Vaults.find_subjects`."""
        return await self._shared.find_subjects(indexes)

    async def keys_by_id(self, ids: Collection[bytes]) -> Mapping[bytes, Key | Erased]:
        """See `KeyReader.keys_by_id`."""
        found = dict(await self._shared.keys_by_id(ids))
        if missing := set(ids) - found.keys():
            found |= await self._own.keys_by_id(missing)
        return found

    async def ensure_keys(self, owners: Collection[Owner]) -> Mapping[Owner, Key]:
        """See `KeyMaker.ensure_keys`. Nothing is minted: an owner without a key gets audit's own."""
        return dict.fromkeys(owners, self._own_key) | dict(await self._shared.find_keys(owners))
