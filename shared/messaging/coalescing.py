"""What waits at the same time shares one transaction (rule 10).

Nothing is decided inside the transaction: it inserts rows of their own and publishes events. What reads before it
changes rows that others change commits alone, through `shared.messaging.acts.perform`.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, TypeVar

from pymongo.asynchronous.collection import AsyncCollection

from shared.messaging.acts import perform
from shared.messaging.gathering import Gathering
from shared.messaging.runtime import Runtime
from shared.messaging.unit import Effect, Unit
from shared.mongo import Document

T = TypeVar("T")
R = TypeVar("R")

Decide: TypeAlias = Callable[[Sequence[T], Unit], Awaitable[Sequence[R]]]
"""Decides, outside the transaction, what a unit will do for all of a batch, and returns an answer for each in order."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """An effect that inserts rows; the insertions of a shared commit into one collection become one call."""

    collection: AsyncCollection[Document]
    rows: Sequence[Document]

    async def __call__(self, session: Any) -> None:
        """Insert them; a key that is there already makes the unit lose its race."""
        await self.collection.insert_many(self.rows, session=session)


class Acts(Gathering[T, R]):
    """What one process decides and commits together, in one transaction."""

    def __init__(self, runtime: Runtime, decide: Decide[T, R], *, turn: float = 0.0, lanes: int = 1) -> None:
        """``turn`` and ``lanes``: see `Gathering`."""
        super().__init__(self._perform, turn=turn, lanes=lanes)
        self._runtime = runtime
        self._decide = decide

    async def _perform(self, items: Sequence[T]) -> Sequence[R]:
        return await perform(self._runtime, partial(self._decided, items), races=False)

    async def _decided(self, items: Sequence[T], unit: Unit) -> Sequence[R]:
        answers = await self._decide(items, unit)
        unit.effects = together(unit.effects)
        return answers


class Appends(Acts[Unit, None]):
    """Units that were decided before, and only append."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime, _merge)


async def _merge(units: Sequence[Unit], merged: Unit) -> list[None]:
    merged.emitted += [each for unit in units for each in unit.emitted]
    merged.effects += [effect for unit in units for effect in unit.effects]
    return [None] * len(units)


def together(effects: Iterable[Effect]) -> list[Effect]:
    """Return the effects with the insertions first, one per collection."""
    rows: dict[AsyncCollection[Document], list[Document]] = defaultdict(list)
    others: list[Effect] = []
    for effect in effects:
        if isinstance(effect, Insertion):
            rows[effect.collection] += effect.rows
        else:
            others.append(effect)
    return [*(Insertion(collection, many) for collection, many in rows.items()), *others]
