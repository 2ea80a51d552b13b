"""The lines that both sides of a benchmark take: what insurers really publish, drawn by the simulator."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import cycle, islice
from typing import Any
from uuid import uuid4

import orjson

from simulator.claims import claims
from simulator.population import people

SEED = 1
_PEOPLE, _LINES = 100, 5


@dataclass(frozen=True, slots=True)
class Line:
    """One reimbursement line of some record: an id of its own, and a content of about 700 bytes."""

    id: str
    record: str
    month: str
    content: dict[str, Any]


def lines(count: int) -> Iterator[Line]:
    """Yield lines with new ids; their contents come back, since nobody here looks at them twice."""
    for content in islice(cycle(_contents()), count):
        yield Line(uuid4().hex, uuid4().hex, content["care_start"][:7], content)


@cache
def _contents() -> list[dict[str, Any]]:
    today = date.today()  # noqa: DTZ011 - any day will do
    drawn = (line for person in people(SEED, _PEOPLE) for line in claims(person, SEED, _LINES, until=today))
    return [orjson.loads(orjson.dumps(line)) for line in drawn]
