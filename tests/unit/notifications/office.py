"""One service's sending, in memory: what the tests of letters, e-mails and returns share."""

from base64 import b64encode
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import orjson

from services.notifications.domain.contact import Contact
from services.notifications.domain.notice import Aim
from services.notifications.domain.policy import Policy
from services.notifications.domain.wording import wordings
from services.notifications.handlers.letters import Desk
from services.notifications.handlers.notices import take_notices
from services.notifications.handlers.reports import Returns
from services.notifications.jobs import make_lots, purge, read_reports, send_mails
from services.notifications.ports import Slip, SlipKind, Verdict
from shared.contracts.event import Event
from shared.contracts.notifications import NoticeSentV1
from shared.contracts.records import NoticeRequestedV1, NoticeRequestedV1Data
from shared.messaging.unit import Unit
from shared.sealing import KeyClass, aad, seal
from tests.fakes.notifications import (
    InMemoryContacts,
    InMemoryDecisions,
    InMemoryLots,
    InMemoryNotices,
    InMemoryPreferences,
    InMemorySlips,
    PaperPress,
    Pile,
    Postman,
)
from tests.fakes.vault import InMemoryVault

T = TypeVar("T")

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class FixedClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        """Return the time that was set."""
        return self.time


class Office:
    """Stores, trays and a clock; what was published."""

    def __init__(self, policy: Policy) -> None:
        self.clock = FixedClock()
        self.vault, self.contacts, self.notices = InMemoryVault(), InMemoryContacts(), InMemoryNotices()
        self.lots, self.slips = InMemoryLots(), InMemorySlips()
        self.decisions, self.preferences = InMemoryDecisions(), InMemoryPreferences()
        self.press, self.pile, self.postman = PaperPress(), Pile(), Postman()
        self.published: list[Event] = []
        senders = {"mgen": "MGEN"}
        self.desk = Desk(
            self.notices,
            self.contacts,
            self.lots,
            self.decisions,
            self.preferences,
            self.vault,
            self.clock,
            policy,
            senders,
        )
        self.returns = Returns(self.notices, self.lots, self.slips, self.clock, policy)

    async def perform(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        """Do what an act does, without a transaction."""
        unit = Unit()
        answer = await work(unit)
        for effect in unit.effects:
            await effect(None)
        self.published += [each.event for each in unit.emitted]
        return answer

    async def register(self, **changes: Any) -> str:
        """Keep a contact and return the person's record."""
        record = uuid4().hex
        owner = (record, KeyClass.IDENTITY)
        key = (await self.vault.ensure_keys([owner]))[owner]
        traits = {"birth_name": "MARTIN", "given_names": ["ZOE"], "birth_date": "1980-02-29", "sex": "F"}
        identity = {"traits": traits, "address": ["4 RUE DU PORT", "44000 NANTES"], **changes}
        box = seal(key, orjson.dumps(identity), aad(record, record, "identity.v1"))
        self.contacts.rows[record] = Contact(record, 1, "mgen", uuid4().hex, "MGEN", "44", box)
        return record

    async def request(self, record: str, content: object = None, aim: Aim = Aim.OPENING) -> str:
        """Ask for a notice and return its id."""
        notice = uuid4().hex
        owner = (record, KeyClass.IDENTITY)
        key = (await self.vault.ensure_keys([owner]))[owner]
        box = seal(key, orjson.dumps(content or {"code": "ACDEFGHJ"}), aad(record, notice, "notice.v1"))
        data = NoticeRequestedV1Data(notice_id=notice, aim=aim.value, sealed=b64encode(box).decode())
        await self.take(NoticeRequestedV1.new(source="/records", time=NOON, subject=record, data=data))
        return notice

    async def take(self, *events: NoticeRequestedV1) -> Unit:
        """Take requests as the worker does."""
        unit = Unit()
        await take_notices(events, unit, notices=self.notices, clock=self.clock)
        for effect in unit.effects:
            await effect(None)
        return unit

    async def person(self, **changes: Any) -> str:
        """Register somebody and ask for a notice; return its id."""
        return await self.request(await self.register(**changes))

    async def print(self, lot_size: int = 500) -> None:
        """Run the job `lots`."""
        await make_lots(self.perform, desk=self.desk, press=self.press, tray=self.pile, lot_size=lot_size, presses=2)

    async def mail(self) -> None:
        """Run the job `mails`."""
        words = wordings(self.desk.policy)
        await send_mails(self.perform, desk=self.desk, carrier=self.postman, words=words, address=("TSA 1",))

    async def purge(self, kept: timedelta) -> None:
        """Run the job `purge`."""
        await purge(self.perform, desk=self.desk, out_tray=self.pile, in_tray=Tray([]), kept=kept)

    async def report(self, *slips: Slip) -> list[Verdict]:
        """Run the job `reports` on slips, in this order."""
        tray = Tray(list(slips))
        await read_reports(self.perform, returns=self.returns, tray=tray)
        return [tray.verdicts.get(slip.name, Verdict.LATER) for slip in slips]

    def later(self, **delay: int) -> None:
        """Let time pass."""
        self.clock.time += timedelta(**delay)

    def told(self) -> list[tuple[str, str, str, str]]:
        """Return what was published: type, notice, channel, and the day or the motive."""
        return [
            (event.type, event.data.notice_id, event.data.channel, _end(event))  # type: ignore[attr-defined]
            for event in self.published
        ]


class Tray:
    """`InTray` without a disk."""

    def __init__(self, slips: list[Slip]) -> None:
        self.slips = slips
        self.verdicts: dict[str, Verdict] = {}

    async def waiting(self, limit: int) -> list[Slip]:
        """Return the slips."""
        return self.slips[:limit]

    async def forget(self, before: datetime) -> int:
        """Keep everything."""
        return 0

    async def put_away(self, slip: Slip, verdict: Verdict) -> None:
        """Note the verdict."""
        self.verdicts[slip.name] = verdict


def slip(kind: SlipKind, text: str, name: str | None = None) -> Slip:
    """Return a slip; the same text is the same slip under whatever name."""
    raw = text.encode("utf-8", "surrogateescape")
    return Slip(name or uuid4().hex + kind.value, kind, str(hash(raw)), raw)


def production(*rows: tuple[str, str, str] | tuple[str, str, str, str]) -> Slip:
    """Return a production report: letter, status, date and motive."""
    lines = [",".join([*row, ""][:4]) for row in rows]
    return slip(SlipKind.PRODUCTION, "\n".join(["letter,status,date,motive", *lines]))


def _end(event: Event) -> str:
    data: Any = event.data
    return str(data.sent_on if isinstance(event, NoticeSentV1) else data.motive)
