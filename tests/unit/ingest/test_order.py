"""Whatever the order in which messages arrive at ingest's workers, the same stands in the end (rule 11)."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest

from services.ingest.domain.deposits import Deposit
from services.ingest.subscribers import own_news, subscriptions
from shared.contracts.event import Event
from shared.contracts.records import (
    AccountClosedV1,
    AccountClosedV1Data,
    AccountOpenedV1,
    AccountOpenedV1Data,
    AccountOpposedV1,
    AccountOpposedV1Data,
    DocumentRefusedV1,
    DocumentRefusedV1Data,
    DocumentStoredV1,
    DocumentStoredV1Data,
)
from tests.fakes.arrivals import Body, Room, ends_of
from tests.fakes.ingest import (
    CPAM,
    INDEX_KEY,
    INS,
    INSURERS,
    OTHER_INS,
    REVERSED,
    InMemoryAccountStates,
    InMemoryDeposits,
    InMemoryIdentities,
    line,
    person,
    registered,
    settled,
)
from tests.fakes.messaging import NOON, ManualClock
from tests.fakes.vault import InMemoryVault

ALICE, BRUNO = "a" * 32, "b" * 32


def people_and_lines() -> Sequence[Body]:
    """Lines that come before their people, a line that cancels one, and one that is refused."""
    return [
        registered(person(), id="REG/1"),
        registered(person(version=2), id="REG/2"),
        settled(line(line=7)),
        settled(line(line=8, reverses="F-2026-11/7", **REVERSED)),
        settled(line(line=9, paid=-1)),
    ]


def strangers() -> Sequence[Body]:
    """Two people, and a line of one whom nobody registers."""
    return [
        registered(person(), id="REG/1"),
        registered(person(ins__value=OTHER_INS, holder_nir=OTHER_INS, traits__birth_name="PETIT"), id="REG/2"),
        settled(line(line=7)),
        settled(line(line=8, ins__value="155081416802538", holder_nir=INS)),
    ]


def states_of_accounts() -> Sequence[Body]:
    """A record opens, is opposed, opens again and closes; another opens."""
    return [
        _news(AccountOpenedV1, ALICE, AccountOpenedV1Data(cause="deadline", version=3)),
        _news(AccountOpposedV1, ALICE, AccountOpposedV1Data(channel="phone", version=4)),
        _news(AccountOpenedV1, ALICE, AccountOpenedV1Data(cause="reopening", version=5)),
        _news(AccountClosedV1, ALICE, AccountClosedV1Data(cause="closure", version=6)),
        _news(AccountOpenedV1, BRUNO, AccountOpenedV1Data(cause="legacy-dmp", version=2)),
    ]


def ends_of_deposits() -> Sequence[Body]:
    """Of two deposits one is stored and one refused; a third is not known."""
    refused = DocumentRefusedV1Data(document_id="2" * 32, reason="account-closed")
    return [
        _news(DocumentStoredV1, ALICE, DocumentStoredV1Data(document_id="1" * 32)),
        _news(DocumentRefusedV1, ALICE, refused),
        _news(DocumentStoredV1, ALICE, DocumentStoredV1Data(document_id="3" * 32)),
    ]


SCENARIOS: list[Callable[[], Sequence[Body]]] = [people_and_lines, strangers, states_of_accounts, ends_of_deposits]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_any_order_ends_alike(scenario: Callable[[], Sequence[Body]]):
    """Every order, over two workers and with a copy, ends in the same state."""
    ends = ends_of(lambda: _made(scenario))

    assert len(ends) == 1, ends


async def _made(scenario: Callable[[], Sequence[Body]]) -> tuple[Room, Sequence[Body]]:
    vault, identities, clock = InMemoryVault(), InMemoryIdentities(), ManualClock()
    accounts, deposits = InMemoryAccountStates(), InMemoryDeposits()
    for name in "12":
        deposits.rows[name * 32] = Deposit(name * 32, "c" * 32, ALICE, "d" * 32, b"".hex(), NOON)
    upstream = subscriptions(
        vault=vault, identities=identities, insurers=INSURERS, index_key=INDEX_KEY, clock=clock, production=False
    )
    news = own_news(accounts=accounts, deposits=deposits, clock=clock)

    def state(room: Room) -> Any:
        people: dict[str, str] = {record: index for index, record in vault.subjects.items()}
        first = {people[record]: digest for record, digest in identities.rows.items()}
        told = sorted(
            (each["type"], people.get(str(each.get("subject")), ""), _said(each["data"])) for each in room.told()
        )
        ended = {each.document: (each.state, each.reason) for each in deposits.rows.values()}
        return first, told, dict(accounts.rows), ended

    stores: list[dict[Any, Any]] = [identities.rows, accounts.rows, deposits.rows]
    room = Room([*upstream, *news], stores, state, user=CPAM.user, clock=clock)
    return room, named(scenario())


def named(bodies: Sequence[Body]) -> list[Body]:
    """Give each event of ours an id that is the same in every order; an insurer's has one."""
    return [
        each.model_copy(update={"id": UUID(int=number).hex}) if isinstance(each, Event) else each
        for number, each in enumerate(bodies)
    ]


def _said(data: dict[str, Any]) -> str:
    return repr(sorted((name, str(value)) for name, value in data.items() if name not in ("sealed", "subject")))


def _news(contract: type[Event], record: str, data: Any) -> Event:
    return contract.new(source="/records", time=NOON, subject=record, data=data)
