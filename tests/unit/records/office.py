"""Records' use cases on stores in memory: people are registered, time passes, people act."""

from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from os import urandom
from typing import Any, Literal, TypeVar

import orjson

from services.records.domain.account import Account, AccountState
from services.records.domain.campaign import Campaign, Territory
from services.records.domain.delay import Policy
from services.records.domain.notice import Aim, Notice
from services.records.domain.opposition import Opposition, Way
from services.records.handlers.activations import activate, request_code
from services.records.handlers.campaign import NOTICE_SCHEMA
from services.records.handlers.desk import Desk, Refused
from services.records.handlers.notices import fix_deadlines, stop_clocks
from services.records.handlers.oppositions import oppose, oppose_for
from services.records.handlers.registrations import register_accounts
from services.records.jobs import open_records, reach_people
from shared.contracts.event import Event
from shared.contracts.notifications import (
    NoticeSentV1,
    NoticeSentV1Data,
    NoticeUndeliverableV1,
    NoticeUndeliverableV1Data,
)
from shared.contracts.records import NoticeRequestedV1
from shared.messaging.unit import Unit
from shared.sealing import aad, open_box
from shared.sealing.keys import KeyClass
from tests.fakes.records import (
    InMemoryAccounts,
    InMemoryNotices,
    InMemoryOppositions,
    InMemoryTries,
    StoppedClock,
    accepted,
)
from tests.fakes.vault import InMemoryVault

T = TypeVar("T")

PILOT = Territory(frozenset({"31", "44", "80"}), frozenset({"RG", "MSA", "MGEN"}))
CAMPAIGN = Campaign(PILOT, pilot_from=date(2021, 7, 1), national_from=date(2022, 1, 1))
START = datetime(2022, 1, 10, 12, tzinfo=UTC)
POSTED = date(2022, 1, 15)
LAST_DAY = date(2022, 2, 25)
CARD_OF_ALICE = "index of alice"


def at(day: date, hour: int = 12) -> datetime:
    """Return an hour of a day, UTC."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


@dataclass
class Office:
    """A records service whose clock stands until it is set."""

    clock: StoppedClock = field(default_factory=lambda: StoppedClock(START))
    accounts: InMemoryAccounts = field(default_factory=InMemoryAccounts)
    notices: InMemoryNotices = field(default_factory=InMemoryNotices)
    oppositions: InMemoryOppositions = field(default_factory=InMemoryOppositions)
    tries: InMemoryTries = field(default_factory=InMemoryTries)
    vault: InMemoryVault = field(default_factory=InMemoryVault)
    told: list[Event] = field(default_factory=list)
    """Everything that was published, in order."""
    by_insurer: list[tuple[str, Event]] = field(default_factory=list)
    """What was told to an insurer."""
    cursed: str = ""
    """A record whose opening fails, until ``told_to_work``."""
    told_to_work: bool = False

    @property
    def desk(self) -> Desk:
        """What the acts stand on."""
        return Desk(self.accounts, self.notices, self.oppositions, self.tries, self.vault, b"\x05" * 32, self.clock)

    async def perform(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        """Do an act at once: effects, then what it publishes."""
        unit = Unit()
        answer = await work(unit)
        await self.commit(unit)
        return answer

    async def commit(self, unit: Unit) -> None:
        """Apply what a unit wrote down."""
        for effect in unit.effects:
            await effect(None)
        for out in unit.emitted:
            if out.exchange == "feedback":
                self.by_insurer.append((out.key, out.event))
            else:
                self.told.append(out.event)

    async def register(self, name: str = "alice", **facts: Any) -> str:
        """Register a person whose blind index is ``index of <name>``, and return the record."""
        record: str = (await self.vault.ensure_subjects({f"index of {name}"}))[f"index of {name}"]
        unit = Unit()
        event = accepted(record, **{"origin": f"/insurers/cpam-44|{name}", **facts})
        await register_accounts([event], unit, accounts=self.accounts, clock=self.clock)
        await self.commit(unit)
        return record

    async def reach(self, limit: int = 1_000, campaign: Campaign = CAMPAIGN) -> None:
        """Run the campaign job once."""
        await reach_people(self.perform, desk=self.desk, campaign=campaign, limit=limit)

    async def open_due(self) -> None:
        """Run the deadline job once."""
        await open_records(self.perform, desk=self.desk)

    async def report_sent(
        self,
        notice: Notice,
        channel: Literal["email", "post"] = "post",
        on: date = POSTED,
        policy: Policy = Policy.SEED,
    ) -> tuple[Unit, NoticeSentV1]:
        """Report that a notice was sent."""
        data = NoticeSentV1Data(notice_id=notice.id, channel=channel, sent_on=on)
        event = NoticeSentV1.new(source="/notifications", time=self.clock.now(), subject=notice.record, data=data)
        unit = Unit()
        await fix_deadlines(
            [event], unit, accounts=self.accounts, notices=self.notices, policy=policy, clock=self.clock
        )
        await self.commit(unit)
        return unit, event

    async def report_returned(self, notice: Notice, channel: Literal["email", "post"] = "post") -> None:
        """Report that a notice did not arrive."""
        data = NoticeUndeliverableV1Data(notice_id=notice.id, channel=channel, motive="unclaimed")
        event = NoticeUndeliverableV1.new(
            source="/notifications", time=self.clock.now(), subject=notice.record, data=data
        )
        unit = Unit()
        await stop_clocks([event], unit, notices=self.notices)
        await self.commit(unit)

    async def notified(self, name: str = "alice", **facts: Any) -> str:
        """Register a person and send the notice, on 15 January 2022."""
        record = await self.register(name, **facts)
        await self.reach()
        self.clock.instant = at(POSTED)
        await self.report_sent(self.notice(record))
        return record

    async def oppose(self, code: str, index: str = CARD_OF_ALICE) -> Opposition | Refused:
        """Oppose online."""
        return await self.perform(lambda unit: oppose(index, code, unit, desk=self.desk))

    async def oppose_for(self, dated: date, way: Way = Way.POST, index: str = CARD_OF_ALICE) -> Opposition | Refused:
        """Oppose by an agent."""
        return await self.perform(lambda unit: oppose_for(index, way, dated, "agent-7", unit, desk=self.desk))

    async def activate(self, code: str, index: str = CARD_OF_ALICE) -> Account | Refused:
        """Activate."""
        return await self.perform(lambda unit: activate(index, code, unit, desk=self.desk))

    async def ask_code(self, index: str = CARD_OF_ALICE) -> Any:
        """Ask for another code."""
        return await self.perform(lambda unit: request_code(index, unit, desk=self.desk))

    def notice(self, record: str, aim: Aim = Aim.OPENING) -> Notice:
        """Return a person's latest notice of a kind."""
        return [each for each in self.notices.rows.values() if each.record == record and each.aim is aim][-1]

    def state(self, record: str) -> AccountState:
        """Return an account's state."""
        return self.accounts.rows[record].state

    def code(self, record: str) -> str:
        """Return the code of the latest notice, as the letter would show it."""
        requests = [each for each in self.published(NoticeRequestedV1) if each.subject == record]
        data = requests[-1].data
        key = self.vault.keys[record, KeyClass.IDENTITY]
        text = open_box(key, b64decode(data.sealed), aad(record, data.notice_id, NOTICE_SCHEMA))
        code: str = orjson.loads(text)["code"]
        return code

    def published(self, contract: type[T]) -> list[T]:
        """Return what was published of a type."""
        return [event for event in self.told if isinstance(event, contract)]


def wrong_code() -> str:
    """Return a code that nobody has."""
    return "WRONG" + urandom(1).hex().upper()
