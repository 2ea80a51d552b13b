"""A log with traces in it and the desk that shows them to people, all in memory."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import orjson
from fastapi import FastAPI, Request

from services.audit.api.accesses import access_doors
from services.audit.api.fhir import fhir_doors
from services.audit.api.receipts import receipt_doors
from services.audit.domain.envelope import Envelope, read_envelope
from services.audit.handlers.accesses import Desk
from services.audit.handlers.appending import append_entries
from services.audit.handlers.marking import append_and_mark
from services.audit.handlers.proving import Prover
from shared.contracts.accesses import AccessTracedV1, AccessV1, Action, ActorV1, Outcome
from shared.contracts.event import Event
from shared.contracts.records import AccountOpenedV1, AccountOpenedV1Data
from shared.http import problems
from shared.http.identity import Kind, Principal
from shared.http.problems import Problem
from shared.identity import Ins, Professional, RecordId, blind_index, parse_ins
from shared.messaging.traces import trace_access
from shared.messaging.unit import Unit
from shared.sealing import Erased, Key, KeyClass, Owner
from tests.fakes.audit import InMemoryAccesses, InMemoryLog, InMemoryLogReader, LogStorage
from tests.fakes.beside import InMemoryCheckpoints, InMemoryMarks, InMemoryOverseers, InMemorySeries, InMemoryTiles
from tests.fakes.vault import InMemoryVault

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
OWN = Key(bytes(16), bytes(32))
INDEX_KEY = bytes(range(32))
ALICE = parse_ins("255081416802538", "1.2.250.1.213.1.4.8", production=True)
BRUNO = parse_ins("284058832102532", "1.2.250.1.213.1.4.8", production=True)
NOBODY = parse_ins("284052A32102552", "1.2.250.1.213.1.4.8", production=True)
DOCTOR = ActorV1(
    kind="professional",
    number="899700366240",
    name="KIT DOC0036624",
    profession="10",
    organisation_id="R95141",
    organisation="CABINET M DOC0036624",
)


class Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.instant = NOW

    def now(self) -> datetime:
        """Return the instant."""
        return self.instant


class Vaults:
    """The shared vault in memory, and audit's own key."""

    def __init__(self, shared: InMemoryVault) -> None:
        self.shared = shared

    async def find_subjects(self, indexes: Collection[str]) -> Mapping[str, RecordId]:
        """Return the records of the shared vault."""
        return await self.shared.find_subjects(indexes)

    async def keys_by_id(self, ids: Collection[bytes]) -> Mapping[bytes, Key | Erased]:
        """Return keys of either."""
        own = {OWN.id: OWN} if OWN.id in ids else {}
        return {**own, **await self.shared.keys_by_id(ids)}

    async def ensure_keys(self, owners: Collection[Owner]) -> Mapping[Owner, Key]:
        """Return audit's own key where there is no other."""
        return dict.fromkeys(owners, OWN) | dict(await self.shared.find_keys(owners))


class Registry:
    """Two people with a record, the log, and a person's desk."""

    def __init__(self) -> None:
        self.storage, self.shared, self.clock = LogStorage(), InMemoryVault(), Hand()
        self.log, self.entries = InMemoryLog(self.storage), InMemoryAccesses(self.storage)
        self.vaults = Vaults(self.shared)
        self.published: list[Event] = []
        self.marks, self.overseers = InMemoryMarks(self.storage), InMemoryOverseers()
        self.series = InMemorySeries(self.marks, self.clock.now)
        self.checkpoints = InMemoryCheckpoints(self.storage)
        self.desk = Desk(
            InMemoryLogReader(self.storage),
            Prover(InMemoryTiles(self.storage), self.checkpoints),
            self.entries,
            self.marks,
            self.overseers,
            self.vaults,
            self.append,
            self.clock,
            INDEX_KEY,
        )

    async def append(self, unit: Unit) -> None:
        """Publish what a unit publishes."""
        self.published += [each.event for each in unit.emitted]

    async def record(self, ins: Ins) -> RecordId:
        """Return a person's record, with its keys."""
        index = blind_index(INDEX_KEY, ins)
        record = (await self.shared.ensure_subjects({index}))[index]
        await self.shared.ensure_keys([(record, KeyClass.AUDIT)])
        return record

    async def log_events(self, *events: Event | Envelope) -> Unit:
        """Put events into the log, a minute after those before."""
        self.clock.instant += timedelta(minutes=1)
        unit = Unit()
        envelopes = [each if isinstance(each, Envelope) else envelope(each) for each in events]
        append = partial(append_entries, log=self.log, vault=self.shared, own_key=OWN, clock=self.clock)
        await append_and_mark(envelopes, unit, append=append, marks=self.marks, clock=self.clock)
        for effect in unit.effects:
            await effect(None)
        return unit

    async def trace(
        self,
        ins: Ins,
        action: Action = "document-read",
        outcome: Outcome = "permitted",
        actor: ActorV1 = DOCTOR,
        **what: Any,
    ) -> AccessTracedV1:
        """Return the trace that records leaves of an access."""
        return await trace_access(
            AccessV1(actor=actor, **what),
            record=await self.record(ins),
            action=action,
            outcome=outcome,
            rule="authorised" if outcome == "permitted" else "no-consent",
            service="records",
            time=self.clock.now(),
            vault=self.vaults,
            index_key=INDEX_KEY,
        )

    async def read(self, ins: Ins = ALICE, count: int = 1) -> None:
        """Let a doctor read documents of a person, each entry in the log."""
        for _ in range(count):
            await self.log_events(await self.trace(ins, documents=[uuid4().hex]))


def envelope(event: Event) -> Envelope:
    """Return an event as audit takes it."""
    document = orjson.loads(event.to_json())
    return read_envelope(document, orjson.dumps(document, option=orjson.OPT_SORT_KEYS))


def opened(record: str, cause: Any = "deadline") -> AccountOpenedV1:
    """Return the event of an opening."""
    data = AccountOpenedV1Data(cause=cause, version=2)
    return AccountOpenedV1.new(source="/records", time=NOW, subject=record, data=data)


PEOPLE = {"alice": ALICE, "bruno": BRUNO, "nobody": NOBODY}


PROFESSIONALS = {
    "doctor": Professional("899700366240", "10", None, "KIT", "DOC0036624", "R95141", "CABINET M DOC0036624"),
    "nurse": Professional("899700366257", "60", None, "KIT", "INF0036625"),
}


async def reader(request: Request) -> Principal:
    """Let in whoever says to be one of the people or professionals."""
    name = request.headers.get("authorization", "")
    if name in PROFESSIONALS:
        return Principal(name, Kind.PROFESSIONAL, frozenset(), professional=PROFESSIONALS[name])
    if name not in PEOPLE:
        raise Problem(403, "other-kind")
    return Principal(name, Kind.PATIENT, frozenset(), ins=PEOPLE[name])


async def ask(
    registry: Registry | Desk, query: str = "", name: str = "alice", door: str = "/v1/accesses", **headers: str
) -> httpx.Response:
    """Ask for a list as a patient or a professional does."""
    app, desk = FastAPI(), registry.desk if isinstance(registry, Registry) else registry
    problems.install(app)
    for doors in (access_doors, receipt_doors, fhir_doors):
        app.include_router(doors(desk, reader))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://audit") as client:
        return await client.get(f"{door}{query}", headers={"authorization": name, **headers})


async def listed(registry: Registry, query: str = "", name: str = "alice") -> list[dict[str, Any]]:
    """Return the lines of a page."""
    answer = await ask(registry, query, name)
    assert answer.status_code == 200, answer.text
    lines: list[dict[str, Any]] = answer.json()["accesses"]
    return lines


def outcome(answer: httpx.Response) -> tuple[int, str]:
    """Return the status and the problem's code."""
    return answer.status_code, answer.json()["code"]
