"""The state of a demonstration under way, and the eyes that watch it: every door is looked at again and again."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cli.books import Summaries, emitted_events, ends, in_motion
from cli.demonstration.stage import Stage
from cli.doors import DoorError
from shared.messaging.topology import AUDIT_EVENTS, INGEST_REIMBURSEMENTS, RECORDS_REIMBURSEMENTS
from simulator.insurer import Tally

LOOK_SECONDS: Final = 0.6
"""Between two looks at the doors."""

PATIENCE_SECONDS: Final = 60.0
"""How long nothing may change before the demonstration stops waiting and shows what it has."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Progress at one moment; times are seconds of a monotonic clock, the rest are events."""

    at: float
    published: int
    checked: int
    decided: int
    logged: int


@dataclass(frozen=True, slots=True)
class Check:
    """A number that the people of the demonstration expect, and what the doors counted."""

    what: str
    expected: int
    counted: int

    @property
    def agrees(self) -> bool:
        """Both are the same."""
        return self.expected == self.counted


@dataclass(frozen=True, slots=True)
class Arc:
    """What one chapter did: its numbers, and sentences for the reader."""

    title: str
    checks: tuple[Check, ...] = ()
    facts: tuple[str, ...] = ()
    papers: tuple[str, ...] = ()
    """Where something to look at lies, for as long as the demonstration's folder is there."""


@dataclass(slots=True)
class Story:
    """A demonstration under way: the plan, what people and insurers did, and what the doors said last."""

    people: int
    lines: int
    seed: int
    logs: Path
    """Where the processes write."""
    tally: Tally = field(default_factory=Tally)
    summaries: Summaries = field(default_factory=dict)
    campaign: dict[str, Any] = field(default_factory=dict)
    """What ``/ops/campaign`` said last."""
    looks: int = 0
    """How often every door was looked at."""
    today: datetime | None = None
    """The instant of the demonstration's own clock."""
    phase: str = ""
    trouble: str | None = None
    rates: dict[str, float] = field(default_factory=dict)
    """Lines per second of the first chapter, by stage."""
    arcs: list[Arc] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    lines_began: float | None = None
    lines_ended: float | None = None
    """When the first line was published, and when the last one was confirmed."""
    changed: float = field(default_factory=time.monotonic)
    """When a door last gave another answer than before."""

    def count(self, queue: str, *states: str) -> int:
        """Return how many events of a flow came to one of these states, any if none is named."""
        found = ends(self.summaries, [queue])
        return sum(n for end, n in found.items() if end.state in states or not states)

    def accounts(self, *states: str) -> int:
        """Return how many people's accounts are in one of these states."""
        return sum(self.campaign.get("accounts", {}).get(state, 0) for state in states)

    def notices(self, *states: str) -> int:
        """Return how many notices are in one of these states."""
        return sum(self.campaign.get("notices", {}).get(state, 0) for state in states)

    @property
    def returned(self) -> int:
        """How many notices came back."""
        return sum(self.campaign.get("returned", {}).values())

    def sample(self) -> Sample:
        """Return how far the lines and the log are."""
        return Sample(
            at=time.monotonic(),
            published=self.tally.published[INGEST_REIMBURSEMENTS.key],
            checked=self.count(INGEST_REIMBURSEMENTS.queue),
            decided=self.count(RECORDS_REIMBURSEMENTS.queue, "done", "ignored"),
            logged=self.count(AUDIT_EVENTS.queue, "done"),
        )

    @property
    def emitted(self) -> int:
        """Events that the services published to one another so far."""
        return emitted_events(self.summaries).total()

    async def until(self, condition: Callable[[], bool], *, patience: float = PATIENCE_SECONDS) -> bool:
        """Wait for a condition; return False if nothing has changed at any door for some time before it held."""
        began = time.monotonic()
        while not (self.summaries and condition()):
            if time.monotonic() - max(self.changed, began) > patience:
                return False
            await asyncio.sleep(LOOK_SECONDS / 3)
        return True


async def watch(story: Story, stage: Stage) -> None:
    """Look at every door again and again; raise `DoorError` when one stays shut."""
    last_answer = time.monotonic()
    seen: object = None
    doors = stage.doors
    while True:
        try:
            campaign, *answers = await asyncio.gather(
                stage.campaign(), *(doors.summary(service) for service in doors.services)
            )
        except DoorError as error:
            story.trouble = str(error)
            if time.monotonic() - last_answer > PATIENCE_SECONDS:
                raise
        else:
            last_answer, story.trouble = time.monotonic(), None
            story.campaign, story.today = campaign, stage.now()
            story.looks += 1
            story.summaries = dict(zip(doors.services, answers, strict=True))
            story.samples.append(story.sample())
            now_seen = (ends(story.summaries), in_motion(story.summaries), story.tally.told.total(), campaign)
            if now_seen != seen:
                seen, story.changed = now_seen, time.monotonic()
        await asyncio.sleep(LOOK_SECONDS)
