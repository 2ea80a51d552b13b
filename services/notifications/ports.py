"""What notifications needs from the world, by role."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from services.notifications.domain.contact import Contact
from shared.messaging.unit import Unit


class ContactStore(Protocol):
    """Whom notices go to, one row per record."""

    async def find(self, records: Collection[str]) -> Mapping[str, Contact]:
        """Return the contacts that exist, as a majority of the replica set knows them."""

    def save(self, contacts: Sequence[Contact], unit: Unit, *, read: Mapping[str, Contact]) -> None:
        """Write contacts when the unit commits, provided that each is still as it was read, or still absent."""

    async def count(self) -> int:
        """Return about how many contacts are kept, at no cost."""
