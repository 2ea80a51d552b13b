"""The doors of records on stores in memory: people with documents, and readers of every kind."""

from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import uuid4

import httpx
import orjson
from fastapi import FastAPI, Request

from services.records.api.asking import Reception
from services.records.api.care import care_doors
from services.records.api.governing import governing_doors
from services.records.api.reading import reading_doors
from services.records.domain.account import Account, AccountState, Cause, Registration
from services.records.domain.lines import Line
from services.records.domain.rights import VALID_FOR, By, Grant, Right
from services.records.handlers.documents import store_documents
from services.records.handlers.tracing import Tracer
from services.records.handlers.visits import ReadingRoom
from services.records.ports import Pending
from shared.contracts.accesses import SCHEMA, AccessTracedV1, AccessV1
from shared.contracts.event import Event
from shared.http import problems
from shared.http.identity import Kind, Principal
from shared.http.problems import Problem
from shared.http.shortcut import Shortcut
from shared.identity import Professional, Structure, blind_index, name_of, parse_ins
from shared.identity.ins import TEST
from shared.messaging.unit import Unit
from shared.sealing import KeyClass, aad, open_box, seal
from tests.fakes.ingest import INS, OTHER_INS
from tests.fakes.reads import (
    CDA,
    InMemoryContents,
    InMemoryDocuments,
    InMemoryGlances,
    InMemoryRights,
    InMemoryTraces,
    InMemoryUnclaimed,
    content_box,
    documented,
    entry,
)
from tests.fakes.records import NOON, InMemoryAccounts, InMemoryLines, StoppedClock
from tests.fakes.vault import InMemoryVault

T = TypeVar("T")
E = TypeVar("E", bound=Event)

INDEX_KEY: Final = b"\x07" * 32
DOCTOR, COLLEAGUE, DENTIST, OPTICIAN = "899700366240", "810000000005", "899700024450", "899900007776"
TOLD: Final = Registration(1, "cpam-44", "e1", "RG", "44", date(2015, 3, 2), ins_key_valid=True, box=b"shut")


def _patient(ins: str) -> Principal:
    return Principal(f"fc-{ins[:4]}", Kind.PATIENT, frozenset(), ins=parse_ins(ins, TEST, production=False))


def _professional(number: str, profession: str, name: str) -> Principal:
    who = Professional(number, profession, given_name="KIT", family_name=name, organisation="CABINET M")
    return Principal(f"f:550dc1c8:{number}", Kind.PROFESSIONAL, frozenset(), professional=who)


PEOPLE: Final = {
    "alice": _patient(INS),
    "bob": _patient(OTHER_INS),
    "doctor": _professional(DOCTOR, "10", "DOC0036624"),
    "colleague": _professional(COLLEAGUE, "10", "DOC0000001"),
    "dentist": _professional(DENTIST, "40", "DENT0024450"),
    "optician": _professional(OPTICIAN, "28", "OPT0007776"),
    "machine": Principal("clinic", Kind.MACHINE, frozenset(), structure=Structure("1750712184", "Clinique du Pont")),
    "operator": Principal("op-1", Kind.OPERATOR, frozenset()),
    "phone-agent": Principal("agent-7", Kind.PHONE_AGENT, frozenset()),
}


async def _reader(request: Request) -> Principal:
    name = request.headers.get("x-as")
    if name not in PEOPLE:
        raise Problem(401, "token-missing")
    return PEOPLE[name]


@dataclass
class Library:
    """Records' doors; ``happened`` tells in which order what counts was done."""

    accounts: InMemoryAccounts = field(default_factory=InMemoryAccounts)
    documents: InMemoryDocuments = field(default_factory=InMemoryDocuments)
    contents: InMemoryContents = field(default_factory=InMemoryContents)
    lines: InMemoryLines = field(default_factory=InMemoryLines)
    rights: InMemoryRights = field(default_factory=InMemoryRights)
    traces: InMemoryTraces = field(default_factory=InMemoryTraces)
    vault: InMemoryVault = field(default_factory=InMemoryVault)
    clock: StoppedClock = field(default_factory=StoppedClock)
    machine: StoppedClock = field(default_factory=StoppedClock)
    told: list[AccessTracedV1] = field(default_factory=list)
    emitted: list[Event] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)
    failure: Exception | None = None
    """What every commit ends in, if it is set."""

    def __post_init__(self) -> None:
        """Build the application."""
        tracer = Tracer(self.traces, self.keep, self.vault, self.clock, self.machine, INDEX_KEY)
        self.room = ReadingRoom(
            glances=InMemoryGlances(self.accounts, self.rights, self.documents),
            documents=self.documents,
            contents=self,
            lines=self.lines,
            rights=self.rights,
            vault=self.vault,
            tracer=tracer,
            index_key=INDEX_KEY,
            clock=self.clock,
            valid_for=VALID_FOR,
        )
        reception = Reception(self.room, self.perform, INDEX_KEY, production=False)
        app = FastAPI()
        problems.install(app)
        routers = [doors(reception, reader=_reader) for doors in (reading_doors, care_doors, governing_doors)]
        for router in routers:
            app.include_router(router)
        transport = httpx.ASGITransport(Shortcut(app, routers), raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://records")

    async def find(self, content: str) -> bytes | None:
        """Fetch a content, as `ContentStore`."""
        self.happened.append("content fetched")
        return await self.contents.find(content)

    async def keep(self, event: AccessTracedV1) -> None:
        """Keep the trace of a read."""
        if self.failure is not None:
            raise self.failure
        await self.traces.keep([Pending(event.id, self.machine.now(), event.to_json())])
        self.told.append(event)
        self.happened.append("trace committed")

    async def perform(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        """Do an act at once."""
        unit = Unit()
        answer = await work(unit)
        if self.failure is not None:
            raise self.failure
        for effect in unit.effects:
            await effect(None)
        self.emitted += [each.event for each in unit.emitted]
        self.told += [each.event for each in unit.emitted if isinstance(each.event, AccessTracedV1)]
        self.happened.append("trace committed")
        return answer

    def published(self, contract: type[E]) -> list[E]:
        """Return what acts published of one type, in order."""
        return [event for event in self.emitted if isinstance(event, contract)]

    async def person(self, ins: str = INS, state: AccountState = AccountState.OPEN) -> str:
        """Keep a person's account and return the record."""
        index = blind_index(INDEX_KEY, parse_ins(ins, TEST, production=False))
        record: str = (await self.vault.ensure_subjects({index}))[index]
        self.accounts.rows[record] = Account(record, state, Cause.LEGACY_DMP, NOON, 2, TOLD)
        return record

    def becomes(self, record: str, state: AccountState) -> None:
        """Change an account's state."""
        self.accounts.rows[record] = replace(self.accounts.rows[record], state=state)

    async def deposit(
        self, record: str, *, days: int = 0, by: str = "nobody", replaces: tuple[str, ...] = (), **about: Any
    ) -> str:
        """Store a document written so many days after noon of 15 November 2026, and return its id."""
        event = await documented(
            record,
            self.vault,
            created=NOON + timedelta(days=days),
            replaces=replaces,
            depositor=name_of(INDEX_KEY, by),
            about=entry(**about),
        )
        unit = Unit()
        await store_documents(
            [event],
            unit,
            accounts=self.accounts,
            documents=self.documents,
            unclaimed=InMemoryUnclaimed(),
            clock=self.clock,
        )
        for effect in unit.effects:
            await effect(None)
        self.contents.rows[event.data.content_id] = await content_box(record, event.data.content_id, self.vault)
        return event.data.document_id

    async def reimburse(self, record: str, month: str = "2026-10", reverses: str | None = None, **care: Any) -> str:
        """Store a line and return its id."""
        name = uuid4().hex
        key = (await self.vault.ensure_keys([(record, KeyClass.REIMBURSEMENT)]))[record, KeyClass.REIMBURSEMENT]
        text = orjson.dumps({"flux": "F1", "line": 7, "act": {"code": "CS"}, **care})
        box = seal(key, text, aad(record, name, "reimbursement.v1"))
        self.lines.rows[name] = Line(name, record, month, "cpam-44", reverses, "e1", box)
        return name

    def entitle(self, record: str, number: str = DOCTOR, grant: Grant = Grant.AUTHORISED) -> None:
        """Record a right, as if it had been there."""
        right = Right(record, name_of(INDEX_KEY, number), grant, self.clock.now(), By.HOLDER, 1, b"shut")
        self.rights.rows[right.id] = right

    async def ask(self, who: str, path: str, method: str = "GET", **more: Any) -> httpx.Response:
        """Knock at a door under ``/v1/records``."""
        headers = {"x-as": who, "user-agent": "LogicielMed/7.1", **more.pop("headers", {})}
        return await self.client.request(method, f"/v1/records{path}", headers=headers, **more)

    async def listed(self, who: str, record: str, query: str = "") -> list[str]:
        """Return the ids that somebody is shown."""
        answer = await self.ask(who, f"/{record}/documents{query}")
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.json()["documents"]]

    def last(self) -> tuple[str, str, str]:
        """Return action, outcome and rule of the last trace."""
        data = self.told[-1].data
        return data.action, data.outcome, data.rule

    def opened(self) -> AccessV1:
        """Return what the box of the last trace holds."""
        event = self.told[-1]
        owner = ("records", KeyClass.INTAKE) if event.subject is None else (event.subject, KeyClass.AUDIT)
        place = aad(owner[0], event.data.trace_id, SCHEMA)
        return AccessV1.model_validate_json(open_box(self.vault.keys[owner], b64decode(event.data.sealed), place))


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal; nothing of a document is in it."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert CDA not in answer.content
    return answer.status_code, answer.json()["code"]


def noon(days: int) -> datetime:
    """Return noon, so many days later."""
    return NOON + timedelta(days=days)
