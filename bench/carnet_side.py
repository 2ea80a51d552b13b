"""Carnet on the whole way of a reimbursement: its insurers, its services as processes, what they stored."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any, Final

import uvloop
from pymongo import MongoClient

from bench.measure import Sample, cpu_of, spent
from bench.stack import Ground
from deploy.local.ports import assign
from deploy.local.processes import stop_together
from deploy.local.roles import ROLES
from deploy.local.system import System, start_roles
from deploy.local.users import insurers as insurers_table
from shared.clock import paris_date
from simulator.claims import claims
from simulator.insurer import Tally, insurers, publish_all
from simulator.population import Person, people
from simulator.publications import Publication, Season
from simulator.stream import registrations

WORKERS: Final = tuple(role.name for role in ROLES if role.name.endswith(".worker"))
LINES_PER_PERSON: Final = 10
SEED: Final = 1
LOOK_EVERY_S: Final = 0.1
DEADLINE_S: Final = 120.0

_LEGACY_DMP: Final = date(2020, 6, 1)
_ENDS: Final = 2
"""Ends of a line that goes all the way: accepted by ingest, stored by records."""


@dataclass(slots=True)
class CarnetSide:
    """The running services, their insurers, and people whose records are open."""

    ground: Ground
    system: System
    people: Sequence[Person]
    season: Season
    repetitions: int = 0

    def register(self) -> None:
        """Register everybody and wait until the log knows."""
        everybody = list(registrations(self.people, self.season))
        with self._databases() as databases:
            uvloop.run(self._publish(everybody))
            _wait(lambda: databases["records"]["accounts"].estimated_document_count() == len(everybody))
            _wait(lambda: _all_logged(databases))

    def repeat(self, count: int) -> Sample:
        """Publish lines that no one has seen yet and wait until they are stored and in the log."""
        self.repetitions += 1
        published = list(islice(self._settlements(), count))
        roles = {name: role.running.pid for name, role in self.system.roles.items() if role.running}
        watched = {**self.ground.servers, **roles}
        with self._databases() as databases:
            lines = databases["records"]["lines"]
            wanted = lines.estimated_document_count() + len(published)
            cpu, own, started = cpu_of(watched), time.process_time(), time.perf_counter()
            uvloop.run(self._publish(published))
            publishing = time.process_time() - own
            _wait(lambda: lines.estimated_document_count() == wanted and _all_logged(databases))
            seconds = time.perf_counter() - started
        return Sample(len(published), seconds, {**spent(cpu, cpu_of(watched)), "insurers": publishing})

    def _settlements(self) -> Iterator[Publication]:
        """Yield lines that go all the way: not those that a record keeps out, such as old ones."""
        seed = SEED + self.repetitions
        for person in self.people:
            for line in claims(person, seed, LINES_PER_PERSON, until=self.season.today):
                publication = self.season.settlement(person, line)
                if [end.state for end in publication.ends] == ["done"] * _ENDS:
                    yield publication

    async def _publish(self, publications: Sequence[Publication]) -> None:
        users = {str(entry["code"]): str(entry["user"]) for entry in insurers_table()}
        async with insurers(users, self.ground.stack.amqp_url, Tally()) as senders:
            await publish_all(senders, publications)

    @contextmanager
    def _databases(self) -> Iterator[MongoClient[dict[str, Any]]]:
        client: MongoClient[dict[str, Any]] = MongoClient(self.ground.stack.mongo_url)
        with client:
            yield client


@contextmanager
def carnet_side(ground: Ground, count: int) -> Iterator[CarnetSide]:
    """Start the services and register as many people as ``count`` lines need; all have a DMP of before 2021 (F03)."""
    system = System(ground.stack, {}, assign(ground.stack.home, [role.name for role in ROLES]))
    try:
        uvloop.run(ground.empty_queues())
        start_roles(system, only=WORKERS)
        now = datetime.now(UTC)
        old_enough = (person for person in people(SEED, count) if person.birth_date < _LEGACY_DMP)
        chosen = [
            replace(person, dmp_created_on=_LEGACY_DMP)
            for person in islice(old_enough, count // LINES_PER_PERSON * 11 // 10)  # some lines are left out
        ]
        side = CarnetSide(ground, system, chosen, Season(now.isoformat(), paris_date(now)))
        side.register()
        yield side
    finally:
        stop_together([role.running for role in system.roles.values() if role.running is not None])


def _all_logged(databases: MongoClient[dict[str, Any]]) -> bool:
    """Tell whether the log holds every event that the services' commits have emitted."""
    emitted = 0
    for service in ("ingest", "records", "notifications"):
        for book in databases[service]["books"].find({}, {"emitted.events": 1}):
            emitted += total(book.get("emitted", {}))
    head = databases["audit"]["head"].find_one() or {"size": 0}
    return bool(head["size"] == emitted)


def total(counts: Any) -> int:
    """Return the sum of nested counts."""
    return sum(map(total, counts.values())) if isinstance(counts, dict) else int(counts)


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not all events arrived within {DEADLINE_S:.0f} s")
        time.sleep(LOOK_EVERY_S)
