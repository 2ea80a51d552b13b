"""What the demonstration's people and insurers have in their hands: doors, connections, folders and a calendar."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cli.doors import MessagingDoors
from shared.clock import ClockAhead, paris_date, read_ahead, write_ahead
from simulator.insurer import Insurer

CLOCK: Final = "clock"
"""The file that the services' clocks follow, inside the demonstration's folder."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a story is told."""

    home: Path
    clock: ClockAhead
    doors: MessagingDoors
    senders: Mapping[str, Insurer]
    addresses: Mapping[str, str]

    @property
    def lots(self) -> Path:
        """Where the printer takes its lots."""
        return self.home / "print" / "lots"

    @property
    def returns(self) -> Path:
        """Where it reports."""
        return self.home / "print" / "returns"

    def front(self, service: str) -> str:
        """Return where people and software find a service's doors: the gateway's address, if there is one."""
        return self.addresses.get("gateway", self.addresses[service])

    def trust(self) -> ssl.SSLContext | bool:
        """Return whom to trust: the clone's own authority."""
        authority = self.home / "tls" / "ca.pem"
        return ssl.create_default_context(cafile=authority) if authority.exists() else True

    def now(self) -> datetime:
        """Return the instant that the services' clocks show, in UTC."""
        return self.clock.now()

    def today(self) -> date:
        """Return the day in Paris."""
        return paris_date(self.now())

    def turn_the_page(self, days: int = 1) -> None:
        """Let the calendar of the whole system go on by so many days."""
        file = self.home / CLOCK
        write_ahead(file, read_ahead(file) + timedelta(days=days))

    async def campaign(self) -> dict[str, Any]:
        """Return how far the campaign has come, as an operator sees it."""
        return await self.doors.ask("records", "GET", "/ops/campaign")
