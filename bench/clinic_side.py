"""Carnet where documents are deposited: ingest and records as processes, people with open records, large documents."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

import httpx
import uvloop
from pymongo import MongoClient

from bench.http_post import post_all
from bench.measure import Sample, Watched, cpu_of, spent
from bench.stack import Ground
from deploy.local.ports import assign
from deploy.local.processes import stop_together
from deploy.local.roles import ROLES
from deploy.local.system import System, start_roles
from deploy.local.users import insurers as insurers_table
from shared.clock import paris_date
from simulator.clinic_documents import documents
from simulator.clinic_xml import section, table
from simulator.insurer import Tally, insurers, publish_all
from simulator.population import Person, people
from simulator.publications import Season
from simulator.stream import registrations
from simulator.tokens import doctor

STARTED: Final = ("issuer", "ingest.worker", "ingest.api", "records.worker")
PEOPLE: Final = 100
SEED: Final = 1
SIZE: Final = 77_000
"""Bytes of a document: those of a discharge letter with coded entries (LDL-SES, of ANS's examples)."""

_LEGACY_DMP: Final = date(2020, 6, 1)
_DEADLINE_S: Final = 60.0
_DRUGS: Final = ("Paracétamol 1 g", "Amoxicilline 500 mg", "Oméprazole 20 mg", "Ramipril 5 mg", "Metformine 850 mg")
_TIMES: Final = ("matin", "midi", "soir", "au coucher", "au milieu des repas", "en cas de douleur")
_ID: Final = "1.2.250.1.999."


@dataclass(slots=True)
class ClinicSide:
    """The running roles and the documents still to be deposited."""

    ground: Ground
    system: System
    url: str
    token: str
    templates: Sequence[tuple[bytes, bytes]]
    """A document of each person, before and after its id."""
    deposited: int = 0
    latencies: dict[str, list[float]] = field(default_factory=dict)

    def repeat(self, name: str, count: int, *, clients: int, hurry: bool) -> Sample:
        """Deposit documents that nobody has seen and return what it took; ``hurry``: 202 once they are kept."""
        bodies = [self._next() for _ in range(count)]
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/xml"}
        if hurry:
            headers["prefer"] = "respond-async"
        watched = {**self.ground.servers, **self._processes()}
        cpu, own, started = cpu_of(watched), time.process_time(), time.perf_counter()
        took = uvloop.run(post_all(self.url, headers, bodies, clients, 202 if hurry else 201))
        seconds = time.perf_counter() - started
        client = time.process_time() - own
        self.settle()
        self.latencies.setdefault(name, []).extend(took)
        return Sample(count, seconds, {**spent(cpu, cpu_of(watched)), "client": client})

    def settle(self) -> None:
        """Wait until records has answered for every document."""
        self._wait(lambda database: database["ingest"]["deposits"].count_documents({"state": "received"}) == 0)

    def note(self, name: str) -> str:
        """Return how long deposits took."""
        took = sorted(self.latencies[name])
        return f"{name}: median {median(took) * 1e3:.1f} ms, p99 {took[len(took) * 99 // 100] * 1e3:.1f} ms"

    def open_records(self, chosen: Sequence[Person]) -> None:
        """Register people whose records are open at once, and wait until ingest knows."""
        now = datetime.now(UTC)
        season = Season(now.isoformat(), paris_date(now))
        uvloop.run(self._publish(list(registrations(chosen, season))))
        self._wait(lambda database: database["ingest"]["accounts"].count_documents({"open": True}) == len(chosen))

    def _next(self) -> bytes:
        self.deposited += 1
        before, after = self.templates[self.deposited % len(self.templates)]
        return b"%s%s%08d%s" % (before, _ID.encode(), self.deposited, after)

    def _processes(self) -> Watched:
        roles = {name: role.running.pid for name, role in self.system.roles.items() if role.running}
        readers = enumerate(_children(roles["ingest.api"]), 1)
        return {**roles, **{f"reader {number}": pid for number, pid in readers}}

    async def _publish(self, publications: Sequence[Any]) -> None:
        users = {str(entry["code"]): str(entry["user"]) for entry in insurers_table()}
        async with insurers(users, self.ground.stack.amqp_url, Tally()) as senders:
            await publish_all(senders, publications)

    def _wait(self, condition: Callable[[MongoClient[dict[str, Any]]], bool]) -> None:
        client: MongoClient[dict[str, Any]] = MongoClient(self.ground.stack.mongo_url)
        with client:
            deadline = time.monotonic() + _DEADLINE_S
            while not condition(client):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"it did not happen within {_DEADLINE_S:.0f} s")
                time.sleep(0.05)


@contextmanager
def clinic_side(ground: Ground) -> Iterator[ClinicSide]:
    """Start the roles and open people's records; all have a DMP of before 2021 (F03)."""
    system = System(ground.stack, {}, assign(ground.stack.home, [role.name for role in ROLES]))
    try:
        uvloop.run(ground.empty_queues())
        start_roles(system, only=STARTED)
        old_enough = (person for person in people(SEED, 10 * PEOPLE) if person.birth_date < _LEGACY_DMP)
        chosen = [replace(person, dmp_created_on=_LEGACY_DMP) for person in islice(old_enough, PEOPLE)]
        url = f"{system.door('ingest.api')}/v1/documents"
        side = ClinicSide(ground, system, url, _token(system, chosen[0]), [_template(person) for person in chosen])
        side.open_records(chosen)
        yield side
    finally:
        stop_together([role.running for role in system.roles.values() if role.running is not None])


def large(person: Person) -> tuple[str, bytes]:
    """Return a discharge letter of the usual size, and its id."""
    wanted = next(each for each in documents(person, SEED, 6, until=datetime.now(UTC)) if each.kind == "discharge")
    body, end = wanted.body.decode(), "</structuredBody>"
    rng, rows, left = Random(SEED), list[tuple[str, ...]](), SIZE - len(wanted.body)
    while left > 0:
        rows.append(_row(rng))
        left -= len(table((), rows[-1:]).encode()) - len(table((), []))
    more = section("Traitements", table(("Médicament", "Posologie", "Durée", "Lot"), rows))
    return wanted.unique_id, body.replace(end, more + end).encode()


def _row(rng: Random) -> tuple[str, ...]:
    """Return a line of treatment, with as much in it that is said once as in real letters: they pack to a seventh."""
    doses = ", ".join(f"{rng.randint(1, 4)} comprimé {rng.choice(_TIMES)}" for _ in range(3))
    return f"{rng.choice(_DRUGS)}, comprimé", doses, f"{rng.randint(2, 90)} jours", f"{rng.getrandbits(80):020x}"


def _template(person: Person) -> tuple[bytes, bytes]:
    unique_id, body = large(person)
    mark = b'<id root="%s"' % unique_id.encode()
    before, _, after = body.partition(mark)
    return before + b'<id root="', b'"' + after


def _token(system: System, person: Person) -> str:
    author = next(documents(person, SEED, 1, until=datetime.now(UTC))).author
    answer = httpx.post(f"{system.door('issuer')}/token", json=doctor(author), trust_env=False)
    return str(answer.raise_for_status().json()["access_token"])


def _children(pid: int) -> list[int]:
    """Return the processes that a process has started: each leads a session of its own (Linux only)."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []
