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
_BLIND_S: Final = 20.0
"""How long publishers go on without news of the doors."""


@dataclass(slots=True)
class Pressure:
    """What the doors last said, and whether more may be published."""

    doors: MessagingDoors
    summaries: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    looks: int = 0
    most: int = 0
    """The most messages that ever waited."""
    free: bool = False
    """Whether more may be published."""
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
        behind = sum(map(_messages, self.summaries.values()))
        self.most = max(self.most, behind)
        blind = any(monotonic() - self._seen.get(service, 0.0) > _BLIND_S for service in self.doors.services)
        self.free = behind <= BEHIND and not blind


def _messages(summary: Mapping[str, Any]) -> int:
    queued = sum(flow.get("queued", 0) for flow in summary["flows"].values())
    return int(queued + summary["outbox"]["messages"])
