"""Notifications' stores in memory: the same answers as the real ones, proved by the suite that both pass."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from services.notifications.domain.contact import Contact
from shared.messaging.failures import RacedError
from shared.messaging.unit import Unit


class InMemoryContacts:
    """`ContactStore` without a database."""

    def __init__(self) -> None:
        self.rows: dict[str, Contact] = {}

    async def find(self, records: Collection[str]) -> Mapping[str, Contact]:
        """Return the contacts that exist."""
        return {record: self.rows[record] for record in records if record in self.rows}

    def save(self, contacts: Sequence[Contact], unit: Unit, *, read: Mapping[str, Contact]) -> None:
        """Write contacts when the unit commits, if each is as it was read."""
        if contacts:
            unit.apply(partial(self._write, contacts, dict(read)))

    async def count(self) -> int:
        """Return how many contacts are kept."""
        return len(self.rows)

    async def _write(self, contacts: Sequence[Contact], read: Mapping[str, Contact], _session: Any) -> None:
        if any(self.rows.get(contact.record) != read.get(contact.record) for contact in contacts):
            raise RacedError
        self.rows |= {contact.record: contact for contact in contacts}
