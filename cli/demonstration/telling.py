"""The whole story, told and shown: the chapters in their order, and how it ended."""

import asyncio
import time

from rich.console import Console

from cli.books import ends
from cli.demonstration.campaign import write_to_everybody
from cli.demonstration.documents import deposit, patients_among
from cli.demonstration.insurance import insure
from cli.demonstration.proofs import verify_and_tamper
from cli.demonstration.reads import read
from cli.demonstration.stage import CLOCK, Stage
from cli.demonstration.story import Story, watch
from cli.demonstration.summary import Summary, summarise
from cli.demonstration.view import paint
from cli.doors import SERVICES, MessagingDoors
from cli.tokens import OperatorAuth
from deploy.local.places import StackError
from deploy.local.system import System
from deploy.local.users import insurers as insurers_table
from shared.clock import ClockAhead
from simulator.archive import Archive
from simulator.insurer import insurers
from simulator.population import Person
from simulator.population import people as population
from simulator.publications import season_at


async def show(system: System, story: Story, console: Console) -> Summary:
    """Tell the story, show it as it goes, and return how it ended."""
    addresses = {service: system.door(f"{service}.api") for service in SERVICES}
    issuer = system.door("issuer")
    fronts = {**addresses, "issuer": issuer, "gateway": system.door("gateway")}
    users = {insurer["code"]: insurer["user"] for insurer in insurers_table()}
    async with MessagingDoors.open(addresses, OperatorAuth(issuer=issuer)) as doors:
        await _refuse_old_books(doors)
        crowd = list(population(story.seed, story.people))
        clock = ClockAhead(system.stack.home / CLOCK)
        archive = Archive(crowd, seed=story.seed, lines=story.lines, season=lambda: season_at(clock.now()))
        async with insurers(users, system.stack.amqp_url, story.tally, archive) as senders:
            stage = Stage(system.stack.home, clock, doors, senders, fronts)
            await _tell_and_show(story, stage, crowd, console)
    with console.status("Recomputing the log from its first entry ..."):
        policy, folder = system.stack.keys_dir / "policy", system.stack.home / "log"
        verdicts = verify_and_tamper(addresses["audit"], issuer, policy, folder)
    return summarise(story, verdicts, fronts, time.monotonic() - story.began)


async def _refuse_old_books(doors: MessagingDoors) -> None:
    """A database given by the environment may have a past, whose insurers' counts nobody has."""
    summaries = {service: await doors.summary(service) for service in doors.services}
    if ends(summaries):
        raise StackError("The database holds events already: the demonstration needs an empty one to add up its books.")


async def _tell_and_show(story: Story, stage: Stage, crowd: list[Person], console: Console) -> None:
    try:
        async with asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(watch(story, stage)), tasks.create_task(paint(story, console))]
            await _tell(story, stage, crowd)
            for task in beside:
                task.cancel()
    except ExceptionGroup as group:
        raise StackError(f"The demonstration broke off: {_first(group)}") from group


async def _tell(story: Story, stage: Stage, crowd: list[Person]) -> None:
    """Go through the whole story."""
    await insure(story, stage, crowd)
    await write_to_everybody(story, stage, crowd)
    *patients, last = patients_among(crowd)
    written = await deposit(story, stage, [*patients, last])
    await read(story, stage, [each for each in written if each.person is not last])
    story.phase = ""


def _first(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__
