"""What the demonstration does: insurers register people, settle their care, and every door is watched meanwhile."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cli.books import Count, Summaries, all_books, answers_sent, drained, emitted_events, ends, in_motion
from cli.doors import DoorError, MessagingDoors
from shared.clock import paris_date
from shared.messaging.topology import AUDIT_EVENTS, INGEST_REIMBURSEMENTS, RECORDS_REIMBURSEMENTS
from simulator.insurer import Insurer, Tally, publish_all
from simulator.population import people
from simulator.publications import Season
from simulator.stream import bad_registrations, registrations, settlements

LOOK_SECONDS: Final = 0.6
"""Between two looks at the doors."""

PATIENCE_SECONDS: Final = 60.0
"""How long nothing may change before the demonstration stops waiting and shows what it has."""

_SETTLE_SECONDS: Final = 8.0
"""How long books may still be uneven once nothing is queued: a message in work is in no queue."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Progress at one moment; times are seconds of a monotonic clock, the rest are events."""

    at: float
    published: int
    checked: int
    decided: int
    logged: int


@dataclass(slots=True)
class Story:
    """A demonstration under way: the plan, what the insurers did, and what the doors said last."""

    people: int
    lines: int
    seed: int
    logs: Path
    """Where the processes write."""
    tally: Tally = field(default_factory=Tally)
    summaries: Summaries = field(default_factory=dict)
    phase: str = ""
    trouble: str | None = None
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


async def tell(story: Story, senders: Mapping[str, Insurer]) -> None:
    """Go through the whole story; `watch` must run meanwhile."""
    crowd = list(people(story.seed, story.people))
    now = datetime.now(UTC)
    season = Season(now.isoformat(timespec="seconds"), paris_date(now))
    story.phase = "The insurers register people"
    await publish_all(senders, registrations(crowd, season))
    if not await _until(story, lambda: _registered(story)):
        return  # without accounts, every line would be in the way of a reader who wants to know why
    story.phase = "The insurers publish what they settled, mistakes among it"
    story.lines_began = time.monotonic()
    await publish_all(senders, bad_registrations(crowd, season, seed=story.seed))
    await publish_all(senders, settlements(crowd, season, seed=story.seed, lines=story.lines))
    story.lines_ended = time.monotonic()
    story.phase = "Everything comes to its end"
    if await _until(story, lambda: drained(story.summaries)):
        await _until(story, lambda: _settled(story), patience=_SETTLE_SECONDS)
    story.phase = ""


async def watch(story: Story, doors: MessagingDoors) -> None:
    """Look at every door again and again; raise `DoorError` when one stays shut."""
    last_answer = time.monotonic()
    seen: object = None
    while True:
        try:
            answers = await asyncio.gather(*(doors.summary(service) for service in doors.services))
        except DoorError as error:
            story.trouble = str(error)
            if time.monotonic() - last_answer > PATIENCE_SECONDS:
                raise
        else:
            last_answer, story.trouble = time.monotonic(), None
            story.summaries = dict(zip(doors.services, answers, strict=True))
            story.samples.append(story.sample())
            now_seen = (ends(story.summaries), in_motion(story.summaries), story.tally.told.total())
            if now_seen != seen:
                seen, story.changed = now_seen, time.monotonic()
        await asyncio.sleep(LOOK_SECONDS)


async def _until(story: Story, condition: Callable[[], bool], *, patience: float = PATIENCE_SECONDS) -> bool:
    """Wait for a condition; return False if nothing has changed at any door for some time before it held."""
    began = time.monotonic()
    while not (story.summaries and condition()):
        if time.monotonic() - max(story.changed, began) > patience:
            return False
        await asyncio.sleep(LOOK_SECONDS / 3)
    return True


def _registered(story: Story) -> bool:
    """Tell whether everybody has an account and a contact: then no line has to wait for one."""
    counted = ends(story.summaries)
    return all(counted[Count(*end)] >= count for end, count in story.tally.expected.items())


def _settled(story: Story) -> bool:
    told = story.tally.told.total() == answers_sent(story.summaries)
    books = all_books(story.summaries, story.tally.published)
    return told and drained(story.summaries) and all(flow.balanced for flow in books)
