"""Waits until nothing moves any more; what still moves when patience ends is stuck."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from chaos.scene import Scene
from cli.books import in_motion
from cli.doors import DoorError, MessagingDoors
from cli.tokens import OperatorAuth
from shared.messaging.topology import FLOWS, LEDGER

SERVICES: Final = ("ingest", "records", "notifications", "audit")

STANDSTILL_S: Final = 90.0
"""How long nothing may change, with something still under way, before it is stuck."""

_STATEMENTS: Final = {flow.queue for flow in FLOWS if flow.exchange == LEDGER}
_LOOK_S: Final = 1.0
_QUIET_LOOKS: Final = 4
"""A message in work is in no queue: books are believed once they have stood still for some looks."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """What the doors said at last."""

    summaries: Mapping[str, Any] = field(default_factory=dict)
    stuck: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0


async def settle(scene: Scene, *, patience: float, standstill: float = STANDSTILL_S) -> Quiet:
    """Return once nothing is queued, unsent or waiting, or nothing has changed for too long."""
    began = changed = monotonic()
    seen: object = None
    quiet = 0
    moving: dict[str, int] = {"doors that did not answer": len(SERVICES)}
    summaries: dict[str, Any] = {}
    doors = {name: scene.doors[name] for name in SERVICES}
    async with MessagingDoors.open(doors, OperatorAuth(issuer=scene.doors["issuer"])) as messaging:
        while quiet < _QUIET_LOOKS and monotonic() - began < patience and monotonic() - changed < standstill:
            try:
                answers = await asyncio.gather(*(messaging.summary(service) for service in SERVICES))
            except DoorError as error:
                moving, quiet = {str(error): 1}, 0
            else:
                summaries = dict(zip(SERVICES, answers, strict=True))
                moving = in_motion(summaries)
                now = {name: _counted(summary) for name, summary in summaries.items()}
                changed = monotonic() if now != seen else changed
                quiet = quiet + 1 if not moving and now == seen else 0
                seen = now
            await asyncio.sleep(_LOOK_S)
    return Quiet(summaries, {} if quiet else moving, monotonic() - began)


def _counted(summary: Mapping[str, Any]) -> Any:
    """Return what tells progress: everything but ages, and the ledger's statements, which never end."""
    flows = {queue: flow for queue, flow in summary["flows"].items() if queue not in _STATEMENTS}
    return flows, summary["outbox"]["messages"]
