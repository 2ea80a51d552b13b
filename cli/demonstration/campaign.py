"""Second chapter: a letter to everybody, oppositions, and a calendar that turns until the records open."""

import asyncio
import csv
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from cli.books import histories_asked
from cli.demonstration.insurance import rest
from cli.demonstration.stage import Stage
from cli.demonstration.story import Arc, Check, Story
from shared.messaging.topology import RECORDS_BENEFICIARIES
from simulator.deciding import Decided, decide
from simulator.letterbox import codes_by_post, read_lot
from simulator.patients import OPPOSITIONS, Intention, plans
from simulator.phone import PhoneAgent, agent_token
from simulator.population import Person
from simulator.printer import comes_back, produce
from simulator.publications import End, is_open

RETURNED_SHARE: Final = 0.01
"""How many letters come back."""

REGISTERED: Final = End(RECORDS_BENEFICIARIES.queue, "done")
"""Everybody who has an account: one of the insurers' mistakes is a registration too."""

_DELAY_DAYS: Final = 43
"""Pages of the calendar until nobody's delay runs any more: at most 31 days, ten, and the day after."""

_DAYS_TO_DECIDE: Final = 5
"""After the letters came."""

_PAGE_SECONDS: Final = 0.12
_LOOK_SECONDS: Final = 0.3


@dataclass(slots=True)
class Post:
    """What the printer posted, and what came back to it."""

    posted: set[str] = field(default_factory=set)
    returned: Counter[str] = field(default_factory=Counter)
    """By motive."""
    lots: list[Path] = field(default_factory=list)
    never_read: set[str] = field(default_factory=set)
    """The codes in letters that came back."""


async def write_to_everybody(story: Story, stage: Stage, crowd: list[Person]) -> None:
    """Let the campaign begin, the letters be posted, people decide, and the days go by."""
    opened = sum(is_open(person) for person in crowd)
    waiting = story.tally.expected[REGISTERED] - opened
    post = Post()
    async with _printer(stage, post):
        story.phase = "The campaign begins: a letter to everybody"
        stage.turn_the_page()
        await story.until(
            lambda: (
                len(post.posted) >= waiting
                and not story.notices("requested")
                and story.returned == post.returned.total()
            )
        )
        unreached = post.returned.total()
        decided = await _decide(story, stage, post, crowd)
        story.phase = "The days go by"
        for _ in range(_DELAY_DAYS):
            stage.turn_the_page()
            await asyncio.sleep(_PAGE_SECONDS)
        letters = waiting + decided.done(Intention.ASK_CODE)
        await story.until(
            lambda: (
                len(post.posted) >= letters
                and story.returned == post.returned.total()
                and story.accounts("eligible", "notified") == unreached
            )
        )
    await rest(story)
    opposed, activated = decided.done(*OPPOSITIONS), decided.done(Intention.ACTIVATE)
    left = waiting - unreached - opposed - activated  # a code that comes back stops no opening
    checks = (
        Check("letters posted", letters, len(post.posted)),
        Check("letters that came back", post.returned.total(), story.returned),
        Check("people opposed, online, by phone and by post", opposed, story.accounts("opposed")),
        Check("people did not wait and activated their record", activated, story.accounts("activated")),
        Check("records opened by the deadline", left, story.accounts("open") - opened),
        Check("histories asked for and answered", histories_asked(story.summaries), story.tally.histories),
    )
    story.arcs.append(Arc("The campaign", checks, papers=_papers(stage, post, decided)))


async def _decide(story: Story, stage: Stage, post: Post, crowd: list[Person]) -> Decided:
    """Let people read their letters and do what they want about them, a few days after they came."""
    story.phase = "People read their letters; some oppose, some do not wait"
    stage.turn_the_page(_DAYS_TO_DECIDE)
    codes = await asyncio.to_thread(codes_by_post, post.lots, crowd)
    told = [person for person in crowd if codes.get(person.ins, "") not in {"", *post.never_read}]
    async with (
        httpx.AsyncClient(base_url=stage.front("records"), verify=stage.trust(), trust_env=False, timeout=30) as doors,
        httpx.AsyncClient(base_url=stage.addresses["issuer"], trust_env=False) as issuer,
    ):
        agent = PhoneAgent(doors, await agent_token(issuer, "agent-7"))
        return await decide(plans(told, story.seed), codes, doors, agent, today=stage.today())


def _papers(stage: Stage, post: Post, decided: Decided) -> tuple[str, ...]:
    """Return where the letters and a proof lie, for whoever wants to see them."""
    papers = [f"Letters as the printer got them: {lot / 'letters.pdf'}" for lot in post.lots[:1]]
    if decided.proof is not None:
        proof = stage.home / "print" / "proof-of-opposition.pdf"
        proof.write_bytes(decided.proof)
        papers.append(f"Proof of an opposition: {proof}")
    return tuple(papers)


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
            await asyncio.to_thread(_note, stage.lots / number, post)
        await asyncio.sleep(_LOOK_SECONDS)


def _note(lot: Path, post: Post) -> None:
    post.lots.append(lot)
    with (lot / "index.csv").open(encoding="utf-8", newline="") as file:
        letters = [row["letter"] for row in csv.DictReader(file)]
    post.posted.update(letters)
    motives = [comes_back(letter, RETURNED_SHARE) for letter in letters]
    post.returned.update(motive for motive in motives if motive)
    if any(motives):
        post.never_read.update(
            page.code for page, motive in zip(read_lot(lot / "letters.pdf"), motives, strict=True) if motive
        )
