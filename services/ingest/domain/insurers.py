"""Who may publish, under which name, and whose people: the table of insurers."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from shared.errors import RefusedError

_FIELDS: Final = {"code", "user", "source", "regime", "name", "caisses"}


@dataclass(frozen=True, slots=True)
class Insurer:
    """One insurer: the broker's user that it is, and the only ``source`` that it may name."""

    code: str
    user: str
    source: str
    regime: str
    name: str
    caisses: frozenset[str]
    """The funds it settles for; empty: any of its regime."""


@dataclass(frozen=True, slots=True)
class Insurers:
    """The insurers by the names under which messages know them."""

    by_user: Mapping[str, Insurer]
    by_source: Mapping[str, Insurer]

    @property
    def codes(self) -> tuple[str, ...]:
        """Every insurer's code, for the feedback queues."""
        return tuple(insurer.code for insurer in self.by_user.values())


def parse_insurers(text: str | bytes) -> Insurers:
    """Return the table that a JSON list of insurers describes.

    Raise `ValueError` when it is not one, or when two entries share a code, a user or a source.
    """
    rows = json.loads(text)
    if not isinstance(rows, list):
        raise ValueError("the table of insurers is a list")  # noqa: TRY004 -- a bad file, not a caller's mistake
    return table_of(_insurer(row) for row in rows)


def table_of(insurers: Iterable[Insurer]) -> Insurers:
    """Return the table of these insurers; raise `ValueError` when two cannot be told apart."""
    entries = tuple(insurers)
    for name in ("code", "user", "source"):
        if len({getattr(entry, name) for entry in entries}) != len(entries):
            raise ValueError(f"two insurers share a {name}")
    return Insurers({entry.user: entry for entry in entries}, {entry.source: entry for entry in entries})


def check_competent(insurer: Insurer, *, regime: str, caisse: str) -> None:
    """Refuse what an insurer publishes of another regime or fund than its own (F45)."""
    if regime != insurer.regime:
        raise RefusedError("regime-mismatch", "data.regime")
    if insurer.caisses and caisse not in insurer.caisses:
        raise RefusedError("caisse-mismatch", "data.caisse")


def _insurer(row: object) -> Insurer:
    if not isinstance(row, dict) or set(row) != _FIELDS:
        raise ValueError(f"an insurer has the fields {', '.join(sorted(_FIELDS))}")
    return Insurer(**{**row, "caisses": frozenset(row["caisses"])})
