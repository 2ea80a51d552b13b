"""All checks of a run, in the order in which they are shown."""

from collections.abc import Sequence
from typing import Any

from chaos.aftermath import Aftermath
from chaos.checker.events import doubled, held, lost, unexpected
from chaos.checker.finding import Finding
from chaos.checker.ledger import published
from chaos.checker.reads import reads
from chaos.checker.state import adoption, books, documents, log, order, stuck
from chaos.history import operations


def judge(moments: Sequence[dict[str, Any]], left: Aftermath) -> list[Finding]:
    """Return what each check says of a history and of what was left."""
    done = operations(moments)
    told = published(done)
    return [
        lost(told, left),
        doubled(told, left),
        unexpected(told, left),
        stuck(left),
        held(told, left),
        order(done, left),
        documents(done, left),
        reads(done, left),
        adoption(moments, left),
        log(left),
        books(told, left),
    ]
