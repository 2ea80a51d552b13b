"""First chapter: insurers register people and publish what they settled, mistakes among it."""

import time
from typing import Final

from cli.books import Count, all_books, answers_sent, drained, ends
from cli.demonstration.stage import Stage
from cli.demonstration.story import Story
from simulator.insurer import publish_all
from simulator.population import Person
from simulator.publications import Season
from simulator.stream import bad_registrations, registrations, settlements

_SETTLE_SECONDS: Final = 8.0
"""How long books may still be uneven once nothing is queued: a message in work is in no queue."""


async def insure(story: Story, stage: Stage, crowd: list[Person]) -> None:
    """Register everybody, publish their lines, and wait until all has come to its end."""
    season = Season(stage.now().isoformat(timespec="seconds"), stage.today())
    story.phase = "The insurers register people"
    await publish_all(stage.senders, registrations(crowd, season))
    if not await story.until(lambda: _registered(story)):
        return  # without accounts, every line would be in the way of a reader who wants to know why
    story.phase = "The insurers publish what they settled, mistakes among it"
    story.lines_began = time.monotonic()
    await publish_all(stage.senders, bad_registrations(crowd, season, seed=story.seed))
    await publish_all(stage.senders, settlements(crowd, season, seed=story.seed, lines=story.lines))
    story.lines_ended = time.monotonic()
    await rest(story)


async def rest(story: Story) -> None:
    """Wait until everything under way has come to its end."""
    story.phase = "Everything comes to its end"
    if await story.until(lambda: drained(story.summaries)):
        await story.until(lambda: _settled(story), patience=_SETTLE_SECONDS)


def _registered(story: Story) -> bool:
    """Tell whether everybody has an account and a contact: then no line has to wait for one."""
    counted = ends(story.summaries)
    return all(counted[Count(*end)] >= count for end, count in story.tally.expected.items())


def _settled(story: Story) -> bool:
    told = story.tally.told.total() == answers_sent(story.summaries)
    books = all_books(story.summaries, story.tally.published)
    return told and drained(story.summaries) and all(flow.balanced for flow in books)
