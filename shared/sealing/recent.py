"""A small memory of what the vault answered, bounded in number and in time."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

CAPACITY: Final = 10_000
LIFE_SECONDS: Final = 30.0


class Recent(Generic[K, V]):
    """The values used last: at most ``capacity``, each forgotten ``life`` seconds after it was put here.

    A value's life is not prolonged by use, so a key destroyed by another process is gone everywhere in time.
    """

    def __init__(self, clock: Callable[[], float], *, capacity: int = CAPACITY, life: float = LIFE_SECONDS) -> None:
        self._clock = clock
        self._capacity = capacity
        self._life = life
        self._entries: OrderedDict[K, tuple[V, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def known(self, wanted: Iterable[K]) -> dict[K, V]:
        """Return what is still known of ``wanted``."""
        now, entries = self._clock(), self._entries
        found: dict[K, V] = {}
        for name in wanted:
            entry = entries.get(name)
            if entry is None:
                continue
            if entry[1] <= now:
                del entries[name]
                continue
            entries.move_to_end(name)
            found[name] = entry[0]
        return found

    def put(self, name: K, value: V) -> None:
        """Remember ``value``; the one unused for longest makes room."""
        self._entries[name] = (value, self._clock() + self._life)
        self._entries.move_to_end(name)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def forget(self, names: Iterable[K]) -> None:
        """Forget these names now."""
        for name in names:
            self._entries.pop(name, None)
