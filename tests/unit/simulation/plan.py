"""What a seed means: who works, what is published, and what goes wrong when."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.fakes.messaging import NOON
from tests.unit.simulation.services import Kind, ThingData, ThingHappenedV1

FAULTS: Final = (
    "kill",
    "stop",
    "cut",
    "freeze-short",
    "freeze-long",
    "database-away",
    "broker-away",
    "replay",
)

_KINDS: Final[tuple[Kind, ...]] = ("good",) * 20 + ("ignored", "refused", "bad")
_BURSTS_S: Final = (0.1, 1.0, 2.5)
"""When much happens at once."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A run, before it happens."""

    seed: int
    workers: int
    """Of each service."""
    messages: tuple[tuple[float, tuple[ThingHappenedV1, ...]], ...]
    """What insurers publish, and when; copies and reused ids among them."""
    faults: tuple[tuple[float, str], ...]
    loss: float
    """The share of calls that fail."""
    reorder: bool
    mended: float
    """When the bug that bad events meet is mended."""

    @property
    def is_calm(self) -> bool:
        """Whether nothing goes wrong."""
        kinds = {event.data.kind for _, message in self.messages for event in message}
        return not self.faults and not self.loss and "killer" not in kinds


def plan_of(seed: int) -> Plan:
    """Return what a seed means; one run in five is calm."""
    draw = Random(seed)
    calm = draw.random() < 0.2
    events = _events(draw)
    some = 0 if calm else draw.randrange(0, 5)
    return Plan(
        seed=seed,
        workers=draw.choice((1, 2, 2, 3)),
        messages=_messages(draw, events),
        faults=tuple(sorted((_soon(draw, 0.4), draw.choice(FAULTS)) for _ in range(some))),
        loss=0.0 if calm else draw.choice((0.0, 0.01, 0.05, 0.2)),
        reorder=draw.random() < 0.5,
        mended=_mended(draw, {each.data.kind for each in events}),
    )


def _events(draw: Random) -> list[ThingHappenedV1]:
    """Return events of all kinds; in one run in ten all are bad, and in one some kill."""
    events: list[ThingHappenedV1] = []
    things = draw.choice((1, 4))
    kinds: Sequence[Kind] = draw.choices((_KINDS, ("bad",), (*_KINDS, "killer")), (8, 1, 1))[0]
    for number in range(draw.randint(1, 25)):
        needs = draw.choice(events).id if events and draw.random() < 0.1 else None
        data = ThingData(thing=f"x{draw.randrange(things)}", version=number + 1, kind=draw.choice(kinds), needs=needs)
        events.append(event(f"t{number}", data))
    return events


def _mended(draw: Random, kinds: set[Kind]) -> float:
    """Return when the bugs are mended: after killers were set aside, after bad events were or before."""
    if "killer" in kinds:
        return 40.0
    return draw.choice((0.0, 1.0, 3.0, 20.0)) if "bad" in kinds else 0.0


def event(name: str, data: ThingData) -> ThingHappenedV1:
    """Return an insurer's event."""
    return ThingHappenedV1(id=name, source="/works", time=NOON, data=data)


def _messages(draw: Random, events: list[ThingHappenedV1]) -> tuple[tuple[float, tuple[ThingHappenedV1, ...]], ...]:
    """Cut events, some of them twice, some ids used again, in any order, into messages."""
    copies = [each for each in events if draw.random() < 0.15]
    reused = [
        event(each.id, each.data.model_copy(update={"version": 1_000})) for each in events if draw.random() < 0.04
    ]
    every = events + copies + reused
    draw.shuffle(every)
    messages = []
    while every:
        size = draw.randint(1, 8)
        messages.append((_soon(draw, 0.1), tuple(every[:size])))
        every = every[size:]
    return tuple(sorted(messages, key=lambda each: each[0]))


def _soon(draw: Random, within: float) -> float:
    """Return an instant in one of the bursts, or seldom between them."""
    return draw.choice(_BURSTS_S) + draw.random() * (within if draw.random() < 0.9 else 3.0)
