"""What refused documents leave behind is removed after a day, and nothing else is (design 6)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import pytest

from services.records.domain.account import AccountState
from services.records.handlers.sweeping import Sweep, sweep_contents
from shared.messaging.unit import Unit
from tests.fakes.reads import InMemoryContentBin, documented
from tests.fakes.records import NOON, StoppedClock
from tests.unit.records.house import DocumentHouse

T = TypeVar("T")
DAY = timedelta(days=1)


class Yard(DocumentHouse):
    """Records' stores, and what removes bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.machine, self.bin = StoppedClock(), InMemoryContentBin()
        self.failure: Exception | None = None
        self.sweep = Sweep(
            unclaimed=self.unclaimed, documents=self.documents, bin=self.bin, machine=self.machine, grace=DAY
        )

    async def deposit(self, record: str, content: str, document: str = "d" * 32) -> None:
        """Bring a document whose bytes are kept."""
        self.bin.rows[content] = self.machine.now()
        self.unclaimed.now = self.machine.now()
        await self.commit(await documented(record, self.vault, document=document, content=content))

    async def perform(self, work: Callable[[Unit], Awaitable[T]]) -> T:
        """Do an act at once."""
        if self.failure is not None:
            raise self.failure
        unit = Unit()
        answer = await work(unit)
        for effect in unit.effects:
            await effect(None)
        return answer

    async def clean(self, after: timedelta) -> set[str]:
        """Do the job some time after now; return what is left."""
        self.machine.instant += after
        await sweep_contents(self.perform, sweep=self.sweep)
        return set(self.bin.rows)


@pytest.fixture
def yard() -> Yard:
    """Return stores with nothing in them."""
    return Yard()


async def test_after_the_grace(yard: Yard):
    """Bytes of a refused document stay for a day, and are gone after it."""
    await yard.deposit(yard.account(AccountState.OPPOSED), "a" * 32)

    assert await yard.clean(DAY) == {"a" * 32}
    assert await yard.clean(timedelta(seconds=1)) == set()
    assert yard.unclaimed.rows == {}


async def test_what_a_record_names(yard: Yard):
    """Bytes of a stored document are never removed, nor those of one that waits for its account."""
    await yard.deposit(yard.account(), "a" * 32)
    await yard.deposit("0" * 32, "b" * 32, document="e" * 32)

    assert await yard.clean(400 * DAY) == {"a" * 32, "b" * 32}


async def test_the_document_comes_again(yard: Yard):
    """A refused document that came again keeps its new bytes, and only the old ones go."""
    record = yard.account(AccountState.OPPOSED)
    await yard.deposit(record, "a" * 32)
    yard.becomes(record, AccountState.OPEN)
    await yard.deposit(record, "b" * 32)

    assert await yard.clean(2 * DAY) == {"b" * 32}


async def test_a_claim_is_looked_at(yard: Yard):
    """Bytes that a document names stay, whatever was noted of them."""
    await yard.deposit(yard.account(), "a" * 32)
    await yard.deposit(yard.account(AccountState.OPPOSED), "a" * 32)
    assert list(yard.unclaimed.rows) == ["a" * 32]

    assert await yard.clean(2 * DAY) == {"a" * 32}
    assert yard.unclaimed.rows == {}


async def test_bytes_younger_than_the_note(yard: Yard):
    """Bytes that are not old enough by themselves stay, and are looked at again."""
    await yard.deposit(yard.account(AccountState.OPPOSED), "a" * 32)
    yard.bin.rows["a" * 32] = NOON + timedelta(hours=1)

    assert await yard.clean(DAY + timedelta(minutes=1)) == {"a" * 32}
    assert list(yard.unclaimed.rows) == ["a" * 32]
    assert await yard.clean(timedelta(hours=1)) == set()


async def test_interrupted(yard: Yard):
    """An instance that dies, or is overtaken, between the bytes and the note leaves a note that the next one clears."""
    await yard.deposit(yard.account(AccountState.OPPOSED), "a" * 32)
    yard.failure = ConnectionError("gone")
    with pytest.raises(ConnectionError):
        await yard.clean(2 * DAY)
    assert (yard.bin.rows, list(yard.unclaimed.rows)) == ({}, ["a" * 32])

    yard.failure = None
    await yard.clean(timedelta(0))
    assert yard.unclaimed.rows == {}


async def test_many(yard: Yard, monkeypatch: pytest.MonkeyPatch):
    """More than fit into a slice go in one run."""
    monkeypatch.setattr("services.records.handlers.sweeping.SLICE", 2)
    record = yard.account(AccountState.CLOSED)
    for number in range(5):
        await yard.deposit(record, f"{number:032x}", document=f"{number:032x}")

    assert await yard.clean(2 * DAY) == set()
