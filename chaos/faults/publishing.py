"""What a fault publishes as an insurer does, told to the history like everything that insurers publish."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import orjson

from chaos.faults import NotNowError
from chaos.rig import Rig
from chaos.workload.wire import Parcel, Wire
from shared.messaging.cloudevents import join
from simulator.claims import claims
from simulator.population import Person
from simulator.publications import Publication, Season, season_at

AGAIN_S: Final = 0.5
_TRIES: Final = 20
_SETTLED: Final = timedelta(days=2)
"""How old the youngest line is: a clock that is a day late still finds it in the past."""


def season_of_lines() -> Season:
    """Return the present season."""
    return season_at(datetime.now(UTC))


def honest_lines(season: Season, person: Person, seed: int, most: int) -> list[Publication]:
    """Return lines of a person that end as every plain one does."""
    lines = claims(person, seed, most, until=season.today - _SETTLED)
    return [season.settlement(person, line) for line in lines if not (line.reverses or line.minor_secret)]


def key_of(publication: Publication) -> str:
    """Return what an event is called in every service: ``source|id``."""
    return f"/insurers/{publication.insurer}|{orjson.loads(publication.body)['id']}"


def _named(publication: Publication) -> dict[str, Any]:
    return {"ends": [list(end) for end in publication.ends], "ids": [orjson.loads(publication.body)["id"]]}


async def publish(rig: Rig, publications: list[Publication], name: str, *, read: bool = True) -> None:
    """Publish events of one type as one message until the broker confirms it; raise `NotNowError` if it never does.

    ``read``: whether anybody lives to read them; the rows of those that nobody has read have no name.
    """
    first = publications[0]
    body, content_type = join([each.body for each in publications])
    groups = [_named(each) if read else {"bad": 1, "end": list(each.ends[0])} for each in publications]
    parcel = Parcel(uuid4().hex, first.key, content_type, body)
    wire = Wire(first.insurer, rig.scene.brokers[first.insurer])
    facts: dict[str, Any] = {"message": name, "key": first.key, "events": len(publications), "groups": groups}
    try:
        for attempt in range(1, _TRIES):
            with rig.history.operation(wire.user, "publish", attempt=attempt, **facts) as operation:
                if await wire.attempt(parcel, operation):
                    return
            await asyncio.sleep(AGAIN_S)
        raise NotNowError
    finally:
        await wire.close()
