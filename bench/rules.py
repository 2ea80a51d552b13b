"""What each rule costs while nothing fails: the same service with one of them left out."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Final

from bench.consuming import Side, measured
from bench.report import Comparison
from bench.stack import Ground

WHOLE: Final = "every rule"

NOTES: Final = (
    "What a line costs less than the first is what its rule costs. Where something fails, none of them is safe.",
    "Suspects (6), the culprit's search (5) and adoption (7) do nothing until something fails.",
)


@dataclass(frozen=True, slots=True)
class Omission:
    """A rule that is left out in the process of a side, or a setting of it."""

    what: str
    apply: Callable[[], None]


def _without_inbox() -> None:
    """No event is looked up, and no row of it is kept."""
    inbox: Any = import_module("shared.messaging.mongo_inbox")

    async def seen(_self: Any, _keys: Any) -> Mapping[str, Any]:
        return {}

    class _Nowhere:
        def __init__(self, collection: Any) -> None:
            self._collection = collection

        def __getattr__(self, name: str) -> Any:
            return getattr(self._collection, name)

        async def insert_many(self, *_words: Any, **_more: Any) -> None:
            """Keep nothing."""

    make = inbox.MongoInbox.__init__

    def init(self: Any, *words: Any) -> None:
        make(self, *words)
        self._inbox = _Nowhere(self._inbox)

    inbox.MongoInbox.__init__, inbox.MongoInbox.seen = init, seen


def _without_digests() -> None:
    reading: Any = import_module("shared.messaging.reading")
    reading._digest = lambda _content, _secret: b"0123456789abcdef"  # noqa: SLF001 - what is left out


def _without_outbox() -> None:
    """What follows from a commit is neither kept nor published."""
    settling: Any = import_module("shared.messaging.settling")
    settling.outbox_rows = lambda _emitted, _process: []


def _without_books() -> None:
    inbox: Any = import_module("shared.messaging.mongo_inbox")
    write = inbox.MongoInbox._write  # noqa: SLF001 - what is left out

    async def unwritten(self: Any, commit: Any, session: Any) -> None:
        await write(self, replace(commit, token=None), session)

    inbox.counted = lambda _commit: {}
    inbox.MongoInbox._write = unwritten  # noqa: SLF001


def _without_majority() -> None:
    """Commits are acknowledged before their journal is written."""
    careless = import_module("pymongo.write_concern").WriteConcern(1, j=False)
    for name in ("shared.mongo", "shared.messaging.mongo_inbox", "shared.messaging.lease"):
        module: Any = import_module(name)
        module.DURABLE = careless


def _without_looking() -> None:
    os.environ["CARNET_LEDGER_EVERY_S"] = "3600"


OMISSIONS: Final[Mapping[str, Omission]] = {
    "inbox": Omission("without the inbox (1)", _without_inbox),
    "digests": Omission("without digests of contents (1)", _without_digests),
    "outbox": Omission("without the outbox and its publishing (7)", _without_outbox),
    "books": Omission("without books (14)", _without_books),
    "looking": Omission("without the ledger's looks (8, 14)", _without_looking),
    "majority": Omission("without majority and journal (15)", _without_majority),
}
"""By the name that a side's process is told."""


def compare(ground: Ground, *, rounds: int, scale: float, say: Callable[[str], None]) -> Comparison:
    """Measure the service whole and without each rule, in turns."""
    whole = Side(WHOLE, "ours", int(16_000 * scale), 200)
    sides = [whole, *(Side(each.what, "ours", whole.events, 200, without=name) for name, each in OMISSIONS.items())]
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            side.samples.append(measured(ground, side, f"_rule{number}{side.without or ''}"))
            say(f"{side.label}: {side.samples[-1].rate:,.0f} events/s")
    title = "What the rules cost while nothing fails: events through one service, one rule left out"
    return Comparison(title, "event", [side.figures() for side in sides], NOTES, ratio="the first is times")
