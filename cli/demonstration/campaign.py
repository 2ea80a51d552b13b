"""Second chapter: a letter to everybody, oppositions, and a calendar that turns until the records open."""

import asyncio
import csv
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cli.books import histories_asked
from cli.demonstration.insurance import rest
from cli.demonstration.stage import Stage
from cli.demonstration.story import Arc, Check, Story
from shared.messaging.topology import RECORDS_BENEFICIARIES
from simulator.population import Person
from simulator.printer import comes_back, produce
from simulator.publications import End, is_open

RETURNED_SHARE: Final = 0.01
"""How many letters come back."""

REGISTERED: Final = End(RECORDS_BENEFICIARIES.queue, "done")
"""Everybody who has an account: one of the insurers' mistakes is a registration too."""

_DELAY_DAYS: Final = 43
"""Pages of the calendar until nobody's delay runs any more: at most 31 days, ten, and the day after."""

_PAGE_SECONDS: Final = 0.12
_LOOK_SECONDS: Final = 0.3


@dataclass(slots=True)
class Post:
    """What the printer posted, and what came back to it."""

    posted: set[str] = field(default_factory=set)
    returned: Counter[str] = field(default_factory=Counter)
    """By motive."""
    first: Path | None = None
    """A lot's letters."""


async def write_to_everybody(story: Story, stage: Stage, crowd: list[Person]) -> None:
    """Let the campaign begin, the letters be posted and the days go by."""
    opened = sum(is_open(person) for person in crowd)
    waiting = story.tally.expected[REGISTERED] - opened
    post = Post()
    async with _printer(stage, post):
        story.phase = "The campaign begins: a letter to everybody"
        stage.turn_the_page()
        await story.until(lambda: len(post.posted) >= waiting and not story.notices("requested"))
        story.phase = "The days go by"
        for _ in range(_DELAY_DAYS):
            stage.turn_the_page()
            await asyncio.sleep(_PAGE_SECONDS)
        await story.until(lambda: story.accounts("eligible", "notified") == post.returned.total())
    await rest(story)
    story.arcs.append(
        Arc(
            "The campaign",
            (
                Check("letters posted", waiting, len(post.posted)),
                Check("letters that came back", post.returned.total(), sum(story.campaign["returned"].values())),
                Check("histories asked for and answered", histories_asked(story.summaries), story.tally.histories),
                Check(
                    "records opened by the deadline", waiting - post.returned.total(), story.accounts("open") - opened
                ),
            ),
            (f"Letters as the printer got them: {post.first}",) if post.first else (),
        )
    )


@asynccontextmanager
async def _printer(stage: Stage, post: Post) -> AsyncIterator[None]:
    """Run the printer meanwhile."""
    work = asyncio.create_task(_print(stage, post))
    try:
        yield
    finally:
        work.cancel()


async def _print(stage: Stage, post: Post) -> None:
    while True:
        lots = await asyncio.to_thread(produce, stage.lots, stage.returns, share=RETURNED_SHARE, day=stage.today())
        for number in lots:
            _note(stage.lots / number, post)
        await asyncio.sleep(_LOOK_SECONDS)


def _note(lot: Path, post: Post) -> None:
    post.first = post.first or next(lot.glob("*.pdf"), None)
    with (lot / "index.csv").open(encoding="utf-8", newline="") as file:
        letters = [row["letter"] for row in csv.DictReader(file)]
    post.posted.update(letters)
    post.returned.update(motive for letter in letters if (motive := comes_back(letter, RETURNED_SHARE)))
