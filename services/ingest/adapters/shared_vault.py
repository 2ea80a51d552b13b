"""The vault as many deposits at once use it: their questions go to it together."""

from collections.abc import Collection, Mapping

from services.ingest.adapters.together import Together
from shared.identity import RecordId
from shared.sealing import Erased, Key, KeyClass, Owner, Vault


class SharedVault:
    """A `Vault` in front of another one; only what every deposit asks is shared."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._find_keys = Together(vault.find_keys)
        self._find_subjects = Together(vault.find_subjects)

    async def find_keys(self, owners: Collection[Owner]) -> Mapping[Owner, Key]:
        """See `Vault.find_keys`."""
        return await self._find_keys(owners)

    async def find_subjects(self, indexes: Collection[str]) -> Mapping[str, RecordId]:
        """See `Vault.find_subjects`."""
        return await self._find_subjects(indexes)

    async def ensure_keys(self, owners: Collection[Owner]) -> Mapping[Owner, Key]:
        """See `Vault.ensure_keys`."""
        return await self._vault.ensure_keys(owners)

    async def keys_by_id(self, ids: Collection[bytes]) -> Mapping[bytes, Key | Erased]:
        """See `Vault.keys_by_id`."""
        return await self._vault.keys_by_id(ids)

    async def ensure_subjects(self, indexes: Collection[str]) -> Mapping[str, RecordId]:
        """See `Vault.ensure_subjects`."""
        return await self._vault.ensure_subjects(indexes)

    async def destroy_keys(self, subject: str, classes: Collection[KeyClass]) -> int:
        """See `Vault.destroy_keys`."""
        return await self._vault.destroy_keys(subject, classes)
