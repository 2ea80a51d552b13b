"""Who decides before a notice is sent gets none: the notice is withdrawn, whatever was heard first."""

from uuid import uuid4

import pytest

from services.notifications.domain.notice import Aim, NoticeState
from services.notifications.domain.policy import Policy
from services.notifications.handlers.decisions import Decided, keep_decisions
from shared.contracts.records import (
    AccountClosedV1,
    AccountClosedV1Data,
    AccountOpenedV1,
    AccountOpenedV1Data,
    AccountOpposedV1,
    AccountOpposedV1Data,
)
from shared.messaging.unit import Unit
from tests.unit.notifications.office import NOON, Office


def opened(record: str, version: int = 4) -> AccountOpenedV1:
    """Return an opening by activation."""
    data = AccountOpenedV1Data(cause="activation", version=version)
    return AccountOpenedV1.new(source="/records", time=NOON, subject=record, data=data)


def opposed(record: str, version: int = 4) -> AccountOpposedV1:
    """Return an opposition."""
    data = AccountOpposedV1Data(channel="phone", version=version)
    return AccountOpposedV1.new(source="/records", time=NOON, subject=record, data=data)


def closed(record: str, version: int = 4) -> AccountClosedV1:
    """Return a closure."""
    data = AccountClosedV1Data(cause="death", version=version)
    return AccountClosedV1.new(source="/records", time=NOON, subject=record, data=data)


async def hear(office: Office, *events: Decided) -> Unit:
    """Let the worker hear of decisions."""
    unit = Unit()
    await keep_decisions(events, unit, decisions=office.decisions)
    for effect in unit.effects:
        await effect(None)
    return unit


@pytest.mark.parametrize("decide", [opened, opposed, closed])
@pytest.mark.parametrize("policy", list(Policy))
async def test_withdrawn(policy: Policy, decide: type):
    """A notice in no lot yet is withdrawn when the person opposes, activates or dies first; nothing is sent."""
    office = Office(policy)
    record = await office.register(email="zoe@example.org")
    notice = await office.request(record)
    await hear(office, decide(record))

    await office.mail()
    await office.print()

    assert office.notices.rows[notice].state is NoticeState.WITHDRAWN
    assert [office.pile.lots, office.postman.mails, office.published] == [{}, [], []]


async def test_heard_before_the_request():
    """A decision that is heard before the request of the notice withdraws it all the same."""
    office = Office(Policy.SEED)
    record = await office.register()
    await hear(office, opposed(record))
    notice = await office.request(record)

    await office.print()

    assert office.notices.rows[notice].state is NoticeState.WITHDRAWN


async def test_the_others_go_out():
    """The letters of those who decided nothing are in the lot, with the places they would have had anyway."""
    office = Office(Policy.SEED)
    records = [await office.register() for _ in range(3)]
    notices = [await office.request(record) for record in records]
    await hear(office, opposed(records[1]))

    await office.print()

    states = [office.notices.rows[notice].state for notice in notices]
    assert states == [NoticeState.IN_LOT, NoticeState.WITHDRAWN, NoticeState.IN_LOT]
    assert sorted(office.notices.rows[notices[place]].sequence or 0 for place in (0, 2)) == [1, 2]


async def test_in_a_lot_it_goes_out():
    """A letter that is in a lot goes out: the printer has it, and nobody takes letters from a lot."""
    office = Office(Policy.SEED)
    record = await office.register()
    notice = await office.request(record)
    await office.print()
    await hear(office, opposed(record))
    await office.print()

    assert office.notices.rows[notice].state is NoticeState.IN_LOT


async def test_a_code_is_sent_whatever_was_decided():
    """Who opposed and asks for a code to open the record after all gets it (F12); the failure's notice is moot."""
    office = Office(Policy.SEED)
    record = await office.register()
    await hear(office, opposed(record))
    code = await office.request(record, aim=Aim.CODE)
    failure = await office.request(record, aim=Aim.FAILURE)

    await office.print()

    assert office.notices.rows[code].state is NoticeState.IN_LOT
    assert office.notices.rows[failure].state is NoticeState.WITHDRAWN


async def test_the_latest_decision_stays():
    """Decisions are kept by the account's version, in whatever order they come."""
    office = Office(Policy.SEED)
    record = uuid4().hex

    await hear(office, opened(record, 5))
    late = await hear(office, opposed(record, 4))

    assert office.decisions.rows[record].state == "opened"
    assert [outcome.reason for outcome in late.outcomes.values()] == ["version-superseded"]
    await hear(office, closed(record, 6), opened(record, 7))
    assert (office.decisions.rows[record].state, office.decisions.rows[record].version) == ("opened", 7)
