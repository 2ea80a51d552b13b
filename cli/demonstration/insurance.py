"""First chapter: insurers register people and publish what they settled, mistakes among it."""

import time
from typing import Final

from cli.books import Count, all_books, answers_sent, drained, ends
from cli.demonstration.stage import Stage
from cli.demonstration.story import Sample, Story
from simulator.insurer import publish_all
from simulator.population import Person
from simulator.publications import season_at
from simulator.stream import bad_registrations, registrations, settlements

_NEARLY: Final = 0.99

_SETTLE_SECONDS: Final = 8.0
"""How long books may still be uneven once nothing is queued: a message in work is in no queue."""


async def insure(story: Story, stage: Stage, crowd: list[Person]) -> None:
    """Register everybody, publish their lines, and wait until all has come to its end."""
    season = season_at(stage.now())
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
    story.rates = rates(story)


async def rest(story: Story) -> None:
    """Wait until everything under way has come to its end."""
    story.phase = "Everything comes to its end"
    before = story.looks
    await story.until(lambda: story.looks > before + 1)  # the last look may have begun before the last act
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


def rates(story: Story) -> dict[str, float]:
    """Return lines per second, from the first line published until nearly all had come to each stage.

    Nearly: the few lines of unknown people wait on purpose, and would make everything look slow.
    """
    began, ended = story.lines_began, story.lines_ended
    samples = [sample for sample in story.samples if began is not None and sample.at > began]
    if not samples or began is None or ended is None:
        return {}
    lines = samples[-1].published
    stages = [stage for stage in ("checked", "decided", "logged") if getattr(samples[-1], stage)]
    times = {stage: _reached(samples, stage) for stage in stages}
    found = {stage: lines * _NEARLY / (at - began) for stage, at in times.items()}
    return {name: round(rate, 1) for name, rate in {"published": lines / (ended - began), **found}.items()}


def _reached(samples: list[Sample], stage: str) -> float:
    """Return when nearly all of what came to a stage had come."""
    final = getattr(samples[-1], stage)
    return next(sample.at for sample in samples if getattr(sample, stage) >= final * _NEARLY)
