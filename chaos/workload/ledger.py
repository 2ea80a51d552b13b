"""What the insurers publish in a run: seeded messages of events, each with the ends that it must come to.

Registrations come in several versions and in any order, lines come before, among and after them, some events come
twice, and mistakes stand among all of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain, count
from random import Random
from typing import Any, Final, NamedTuple

import orjson

from shared.contracts.insurers import ReimbursementSettledV1
from shared.messaging.cloudevents import MAX_EVENTS, join
from simulator.claims import claims
from simulator.mistakes import LINES, Mistake
from simulator.population import Person
from simulator.publications import End, Publication, Season

VERSIONS: Final = 3
LINES_EACH: Final = 75
BAD_EVERY: Final = 90
"""Good lines per mistake."""
AGAIN_SHARE: Final = 0.04
"""How often an insurer sends, after a message, some of its events once more."""

_SETTLED: Final = timedelta(days=2)
"""How old the youngest line is: a clock that is a day late still finds it in the past."""
_LEFT_OUT: Final = ("an id used again",)
"""Which of two events comes first decides which of them is refused: no ledger can know it."""
_EARLY_SHARE: Final = 0.25


@dataclass(frozen=True, slots=True)
class Message:
    """Events of one insurer and one type, as one AMQP message."""

    insurer: str
    key: str
    body: bytes
    content_type: str
    groups: list[dict[str, Any]]
    """For the history. ``ids`` must come to ``ends``; ``bad`` events, whose rows have no name, to ``end``."""
    owed: bool = False
    """Whether lines that were published may wait for a registration in it, or in one behind it: then it is published,
    however late."""


class _Item(NamedTuple):
    publication: Publication
    bad: End | None = None


def messages(cohort: Sequence[Person], season: Season, seed: int) -> Iterator[Message]:
    """Yield a cohort's messages, mistakes and repetitions among them."""
    dice = Random(f"messages:{seed}:{cohort[0].ins}")
    sent: dict[tuple[str, str], list[_Item]] = defaultdict(list)
    parts = (_grouped(part, dice) for part in _in_disorder(cohort, season, seed, dice))
    head = next(parts)
    for owed, items in chain(((True, items) for items in head), ((False, items) for part in parts for items in part)):
        yield replace(_message(items), owed=owed)
        first = items[0].publication
        good = sent[first.insurer, first.key]
        good += [item for item in items if item.bad is None]
        if good and dice.random() < AGAIN_SHARE:
            again = _message(dice.sample(good, dice.randint(1, min(len(good), MAX_EVENTS))), again=True)
            yield replace(again, owed=owed)


def registrations(crowd: Iterable[Person], season: Season) -> Iterator[Message]:
    """Yield the registration of each person, alone in its message."""
    return (_message([_Item(_version(season.registration(person), 1))]) for person in crowd)


def _in_disorder(cohort: Sequence[Person], season: Season, seed: int, dice: Random) -> Iterator[Iterator[_Item]]:
    """Yield registrations with a part of the lines, as they come, and then the other lines.

    No registration is sent later than that: a line does not wait for its person for ever.
    """
    until = season.today - _SETTLED
    lines = [
        season.settlement(person, line) for person in cohort for line in claims(person, seed, LINES_EACH, until=until)
    ]
    dice.shuffle(lines)
    early = int(len(lines) * _EARLY_SHARE)
    head = [_version(season.registration(person), v) for person in cohort for v in range(1, VERSIONS + 1)]
    head += lines[:early]
    dice.shuffle(head)
    numbers = count(1)
    yield _with_mistakes(head, numbers)
    yield _with_mistakes(lines[early:], numbers)


def _with_mistakes(publications: Iterable[Publication], numbers: Iterator[int]) -> Iterator[_Item]:
    """Yield them, and now and then a line once more with a mistake in it."""
    kinds = [kind for name, kind in LINES.items() if name not in _LEFT_OUT]
    for publication in publications:
        yield _Item(publication)
        number = next(numbers)
        if number % BAD_EVERY == 0 and publication.key == ReimbursementSettledV1.TYPE and _is_plain(publication):
            yield _spoiled(publication, kinds[number // BAD_EVERY % len(kinds)], number)


def _version(first: Publication, version: int) -> Publication:
    """Return another version of a registration, of somebody who moved house."""
    event = orjson.loads(first.body)
    stem = event["id"].rpartition("/")[0]
    event["id"] = f"{stem}/{version}"
    event["data"]["version"] = version
    event["data"]["address"] = [f"{version} RUE DU CHAOS", *event["data"]["address"][1:]]
    return Publication(first.insurer, first.key, orjson.dumps(event), first.ends[:1])


def _is_plain(publication: Publication) -> bool:
    """Tell whether a line is so plain that every mistake in it ends as the table of mistakes says."""
    data = orjson.loads(publication.body)["data"]
    return data["base"] > 0 and data["reverses"] is None and not data["minor_secret"]


def _spoiled(publication: Publication, kind: Mistake, serial: int) -> _Item:
    made = kind.of(publication, serial)
    return _Item(made, made.ends[0])


def _grouped(items: Iterable[_Item], dice: Random) -> Iterator[list[_Item]]:
    """Yield messages' worths of one insurer and type, of many sizes; some events stand alone."""
    held: dict[tuple[str, str], list[_Item]] = defaultdict(list)
    wanted: dict[tuple[str, str], int] = defaultdict(lambda: _size(dice))
    for item in items:
        publication = item.publication
        if publication.alone:
            yield [item]
            continue
        place = publication.insurer, publication.key
        held[place].append(item)
        if len(held[place]) >= wanted[place]:
            yield held.pop(place)
            del wanted[place]
    yield from held.values()


def _size(dice: Random) -> int:
    return dice.choice((1, 40, 120, MAX_EVENTS, MAX_EVENTS))


def _message(items: Sequence[_Item], *, again: bool = False) -> Message:
    first = items[0].publication
    body, content_type = join([item.publication.body for item in items])
    ids: dict[tuple[End, ...], list[str]] = defaultdict(list)
    bad: dict[End, int] = defaultdict(int)
    for item in items:
        if item.bad is None:
            ids[() if again else item.publication.ends].append(orjson.loads(item.publication.body)["id"])
        else:
            bad[item.bad] += 1
    return Message(
        first.insurer,
        first.key,
        body,
        first.content_type if first.alone else content_type,
        [
            *({"ends": [list(end) for end in ends], "ids": named} for ends, named in ids.items()),
            *({"end": list(end), "bad": count} for end, count in bad.items()),
        ],
    )
