"""Seeded bugs: each takes one safeguard of the core away, or one promise of its ports, and a seed has to show it."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final
from unittest import mock
from uuid import uuid4

from shared.messaging import settling
from shared.messaging.consumer import Consumer
from shared.messaging.failures import Failure, FencedError, classify
from shared.messaging.receipts import Progress
from shared.messaging.relay import Relay
from shared.messaging.settling import Settler
from shared.messaging.sifting import Sifted
from tests.fakes.messaging import InMemoryInbox, InMemoryOutbox
from tests.unit.simulation.services import Shelf

_commit = InMemoryInbox.commit
_settle = Consumer._settle
_save = Shelf.save


async def _all_fresh(part: Sequence[Any], _inbox: Any, **_named: Any) -> Sifted:
    """Nothing was seen before, and no row's key tells otherwise."""
    for item in part:
        if item.attempts is None:
            item.key = f"{item.key}#{uuid4().hex}"
    return Sifted(fresh=list(part))


async def _acknowledge_first(self: Any, items: Sequence[Any]) -> None:
    for delivery in {id(item.delivery): item.delivery for item in items if item.delivery}.values():
        await self._acknowledge(delivery)
        delivery.pending = -1
    await _settle(self, items)


async def _adopt_all(self: InMemoryOutbox, owner: str) -> int:
    """Take over what is unsent, whoever lives."""
    unsent = [each for each in self.rows.values() if not each.sent]
    for each in unsent:
        each.row = replace(each.row, owner=owner)
    return len(unsent)


async def _none(*_given: Any) -> Any:
    return 0


async def _no_rows(*_given: Any) -> Sequence[Any]:
    return ()


async def _confirmed_anyway(self: Relay, row: Any) -> bool:
    try:
        await self._publisher.publish(row)
    except Exception:  # noqa: BLE001 - the bug
        return True
    return True


def _unchecked(_self: InMemoryInbox, _rows: Sequence[Any]) -> None:
    """A row is written over whatever is there."""


async def _commit_without_effects(self: InMemoryInbox, commit: Any) -> None:
    """The effects are not of the transaction."""
    for effect in commit.effects:
        await effect(None)
    await _commit(self, type(commit)(commit.rows, (), commit.outbox, commit.tally, commit.queue, commit.token))


async def _commit_without_outbox(self: InMemoryInbox, commit: Any) -> None:
    """The messages are not of the transaction: the relay alone knows of them."""
    await _commit(self, type(commit)(commit.rows, commit.effects, (), commit.tally, commit.queue, commit.token))


async def _never_took_effect(_self: Settler[Any], tokens: Collection[str]) -> bool:
    return False


async def _save_anyway(self: Shelf, changed: Any, _read: Any, session: object) -> None:
    await _save(self, changed, {name: self.latest[name] for name in changed if name in self.latest}, session)


def _all_data(error: BaseException) -> Failure:
    return Failure.FENCED if isinstance(error, FencedError) else Failure.DATA


def _races_are_data(error: BaseException) -> Failure:
    kind = classify(error)
    return Failure.DATA if kind is Failure.CONFLICT else kind


def _highest(_self: Progress, numbers: Sequence[int]) -> tuple[int | None, list[int]]:
    """Acknowledge whatever is finished with all before it, finished or not."""
    return max(numbers), []


def _attempts_do_not_matter(item: Any, known: Any) -> bool:
    return item.key in known


MUTANTS: Final[dict[str, tuple[Any, ...]]] = {
    "inbox off": (mock.patch.object(settling, "sift", _all_fresh),),
    "acknowledged before the commit": (mock.patch.object(Consumer, "_settle", _acknowledge_first),),
    "acknowledged with all before it": (mock.patch.object(Progress, "finish", _highest),),
    "adoption without silence": (mock.patch.object(InMemoryOutbox, "adopt", _adopt_all),),
    "no adoption": (mock.patch.object(InMemoryOutbox, "adopt", _none),),
    "no rereading": (mock.patch.object(InMemoryOutbox, "unsent", _no_rows),),
    "confirmations ignored": (mock.patch.object(Relay, "_publish", _confirmed_anyway),),
    "retry without compare-and-set": (
        mock.patch.object(InMemoryInbox, "_check", _unchecked),
        mock.patch("shared.messaging.sifting._is_as_read", _attempts_do_not_matter),
    ),
    "rows written over": (mock.patch.object(InMemoryInbox, "_check", _unchecked),),
    "effects outside the transaction": (mock.patch.object(InMemoryInbox, "commit", _commit_without_effects),),
    "messages outside the transaction": (mock.patch.object(InMemoryInbox, "commit", _commit_without_outbox),),
    "unknown commits run again": (mock.patch.object(Settler, "_took_effect", _never_took_effect),),
    "a lost update": (mock.patch.object(Shelf, "save", _save_anyway),),
    "outages counted as attempts": (mock.patch.object(settling, "classify", _all_data),),
    "races counted as attempts": (mock.patch.object(settling, "classify", _races_are_data),),
}
"""By what is taken away, what is replaced."""
