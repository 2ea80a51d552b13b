"""Publishers go as fast as the system follows: how far it is behind is read from the doors' own books."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from cli.doors import DoorError, MessagingDoors

BEHIND: Final = 60
"""Messages that may be queued or unsent before publishers wait: some seconds of work."""

_LOOK_S: Final = 1.0
_BLIND_S: Final = 3.0
"""How long what a door said is believed; without news of all doors publishers go on slowly."""


@dataclass(slots=True)
class Pressure:
    """What the doors last said, and whether more may be published."""

    doors: MessagingDoors
    summaries: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    looks: int = 0
    most: int = 0
    """The most messages that ever waited."""
    free: bool = True
    """Whether more may be published."""
    blind: bool = True
    """Whether a door has not answered for some time."""
    _seen: dict[str, float] = field(default_factory=dict)

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.gather(*(self._look(service) for service in self.doors.services))
            self.looks += 1
            self._decide()
            await asyncio.sleep(_LOOK_S)

    async def _look(self, service: str) -> None:
        with contextlib.suppress(DoorError, TimeoutError):
            async with asyncio.timeout(5):
                self.summaries[service] = await self.doors.summary(service)
                self._seen[service] = monotonic()

    def _decide(self) -> None:
        known = [name for name, at in self._seen.items() if monotonic() - at < _BLIND_S]
        behind = sum(_messages(self.summaries[name]) for name in known)
        self.most = max(self.most, behind)
        self.free = behind <= BEHIND
        self.blind = len(known) < len(list(self.doors.services))


def _messages(summary: Mapping[str, Any]) -> int:
    queued = sum(flow.get("queued", 0) for flow in summary["flows"].values())
    return int(queued + summary["outbox"]["messages"])
