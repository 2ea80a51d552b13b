"""Whatever the order in which messages arrive at records' workers, the same stands in the end (rule 11)."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from services.records.domain.account import Account, AccountState, Cause
from services.records.domain.codes import Code
from services.records.domain.delay import Policy
from services.records.domain.notice import Aim, Notice
from services.records.subscribers import subscriptions
from shared.contracts.audit import AccessLoggedV1, AccessLoggedV1Data
from shared.contracts.notifications import (
    NoticeSentV1,
    NoticeSentV1Data,
    NoticeUndeliverableV1,
    NoticeUndeliverableV1Data,
)
from shared.messaging.topology import EVENTS, FLOWS, LOGGED
from tests.fakes.arrivals import Body, Room, ends_of, type_of
from tests.fakes.reads import InMemoryDocuments, InMemoryTraces, InMemoryUnclaimed, documented
from tests.fakes.records import NOON, InMemoryAccounts, InMemoryLines, InMemoryNotices, accepted, received
from tests.fakes.vault import InMemoryVault
from tests.unit.records.house import TOLD
from tests.unit.simulation.loop import SimulatedLoop, simulate

ALICE, BRUNO = "a" * 32, "b" * 32
BEFORE = date(2019, 5, 2)
POLICY = Policy.SEED

Scenario = Callable[["Records"], Coroutine[Any, Any, Sequence[Body]]]


class Records:
    """Records in memory with two workers."""

    def __init__(self) -> None:
        self.accounts, self.lines, self.notices = InMemoryAccounts(), InMemoryLines(), InMemoryNotices()
        self.documents, self.unclaimed, self.traces = InMemoryDocuments(), InMemoryUnclaimed(), InMemoryTraces()
        self.vault = InMemoryVault()
        stores: list[dict[Any, Any]] = [
            *(each.rows for each in (self.accounts, self.lines, self.notices, self.documents)),
            self.unclaimed.rows,
            self.traces.rows,
        ]
        self.room = Room([], stores, self.state)
        flows = subscriptions(
            accounts=self.accounts,
            lines=self.lines,
            notices=self.notices,
            documents=self.documents,
            unclaimed=self.unclaimed,
            traces=self.traces,
            policy=POLICY,
            clock=self.room.clock,
        )
        self.room = Room(flows, stores, self.state, clock=self.room.clock)

    def state(self, _room: Room) -> Any:
        """Return what is stored, without when and in how many steps it came to be."""
        accounts = {
            each.record: (each.state, each.cause, each.registration.version, each.registration.insurer)
            for each in self.accounts.rows.values()
        }
        notices = {
            each.id: (each.state, each.sent and (each.sent.channel, each.sent.on), each.returned, each.outcome)
            for each in self.notices.rows.values()
        }
        documents = {each.id: (each.content, each.replaces) for each in self.documents.rows.values()}
        return accounts, dict(self.lines.rows), notices, documents, set(self.unclaimed.rows), set(self.traces.rows)


async def registrations(_records: Records) -> Sequence[Body]:
    """Versions of two people, one of whom has a DMP from before the freeze that only an old version tells of."""
    return [
        _named(accepted(ALICE, version=1, dmp_created_on=BEFORE), 1),
        _named(accepted(ALICE, version=2), 2),
        _named(accepted(ALICE, version=3, department="31"), 3),
        _named(accepted(BRUNO, version=1), 4),
        _named(accepted(ALICE, version=3, insurer="msa"), 5),
    ]


async def a_record_from_nothing(records: Records) -> Sequence[Body]:
    """A person, lines and a document of theirs: what comes before its account waits for it."""
    return [
        _named(accepted(ALICE, version=1, dmp_created_on=BEFORE), 1),
        _named(received(ALICE, line="1" * 32), 2),
        _named(received(ALICE, line="2" * 32, reverses="1" * 32), 3),
        _named(received(ALICE, line="3" * 32, month="2019-01"), 4),
        _named(await documented(ALICE, records.vault, document="d" * 32, content="c" * 32), 5),
    ]


async def a_chain_of_documents(records: Records) -> Sequence[Body]:
    """Documents that replace one another, one of which comes under two contents."""
    _account(records, ALICE)
    chain = [("1", ()), ("2", ("1",)), ("3", ("2",)), ("4", ("2",))]
    return [
        _named(
            await documented(
                ALICE, records.vault, document=name * 32, content=name * 32, replaces=[each * 32 for each in before]
            ),
            int(name),
        )
        for name, before in chain
    ]


async def reports_of_a_notice(records: Records) -> Sequence[Body]:
    """A notice that bounces, then goes by post, then comes back; and a report of one that nobody knows."""
    _account(records, ALICE, AccountState.ELIGIBLE)
    notice = Notice("e" * 32, ALICE, Aim.OPENING, NOON, Code(1, b"hash"))
    records.notices.rows[notice.id] = notice
    return [
        _named(_sent(notice.id, "email", date(2026, 11, 1)), 1),
        _named(_returned(notice.id, "email", "bounced"), 2),
        _named(_sent(notice.id, "post", date(2026, 11, 5)), 3),
        _named(_returned(notice.id, "post", "unclaimed"), 4),
        _named(_sent("f" * 32, "post", date(2026, 11, 5)), 5),
    ]


async def traces_in_the_log(records: Records) -> Sequence[Body]:
    """Answers of the log, overlapping."""
    records.traces.rows.update({name * 32: NOON for name in "1234"})
    names = ("1", "2"), ("2", "3"), ("5",)
    return [
        _named(
            AccessLoggedV1.new(source="/audit", time=NOON, data=AccessLoggedV1Data(events=[x * 32 for x in each])), n
        )
        for n, each in enumerate(names)
    ]


SCENARIOS: list[Scenario] = [
    registrations,
    a_record_from_nothing,
    a_chain_of_documents,
    reports_of_a_notice,
    traces_in_the_log,
]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_any_order_ends_alike(scenario: Scenario):
    """Every order, over two workers and with a copy, ends in the same state."""
    ends = ends_of(lambda: _made(scenario))

    assert len(ends) == 1, ends


def test_every_flow_is_tried():
    """No flow of records is left out."""
    tried = {type_of(each) for scenario in SCENARIOS for each in simulate(SimulatedLoop(0), scenario(Records()))}

    flows = {flow.key for flow in FLOWS if flow.consumer == "records" and flow.exchange in (EVENTS, LOGGED)}
    assert tried == flows


async def _made(scenario: Scenario) -> tuple[Room, Sequence[Body]]:
    records = Records()
    return records.room, await scenario(records)


def _named(event: Any, number: int) -> Any:
    """Give an event an id of its own that is the same in every order."""
    return event.model_copy(update={"id": UUID(int=number).hex})


def _account(records: Records, record: str, state: AccountState = AccountState.OPEN) -> None:
    records.accounts.rows[record] = Account(record, state, Cause.LEGACY_DMP, NOON, 2, TOLD)


def _sent(notice: str, channel: Any, on: date) -> NoticeSentV1:
    data = NoticeSentV1Data(notice_id=notice, channel=channel, sent_on=on)
    return NoticeSentV1.new(source="/notifications", time=NOON, subject=ALICE, data=data)


def _returned(notice: str, channel: Any, motive: Any) -> NoticeUndeliverableV1:
    data = NoticeUndeliverableV1Data(notice_id=notice, channel=channel, motive=motive)
    return NoticeUndeliverableV1.new(source="/notifications", time=NOON, subject=ALICE, data=data)
