"""What ingest needs of the outside, besides the vault and the clock."""

from collections.abc import Collection, Mapping
from typing import Protocol

from shared.messaging.unit import Unit


class IdentityStore(Protocol):
    """The digest of each person's strict traits, as first registered; never changed afterwards (F21)."""

    async def digests(self, records: Collection[str]) -> Mapping[str, bytes]:
        """Return the digests that a majority knows; an unknown record is absent from the answer."""

    def add(self, digests: Mapping[str, bytes], unit: Unit) -> None:
        """Write the digests of new records with the unit.

        The effect fails as a conflict if one of the records has got a digest since: the first writer wins.
        """
