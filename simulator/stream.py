"""Everything that the insurers publish of a population, in a seeded order: what is right, and mistakes among it."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle
from random import Random
from typing import Final

from simulator.care import FLAT_CONTRIBUTION
from simulator.claim_line import ClaimLine
from simulator.claims import claims
from simulator.mistakes import LINES, PEOPLE, Mistake
from simulator.population import Person
from simulator.publications import Publication, Season

BAD_SHARE: Final = 0.02
"""Bad events per good one; every kind of mistake is made once at least."""


def registrations(people: Iterable[Person], season: Season) -> Iterator[Publication]:
    """Yield the registration of every person, without mistakes."""
    return (season.registration(person) for person in people)


def bad_registrations(people: Iterable[Person], season: Season, *, seed: int) -> Iterator[Publication]:
    """Yield registrations with mistakes, of people who are all registered already."""
    mixed = _with_mistakes(((each, True) for each in registrations(people, season)), PEOPLE, seed)
    return (publication for publication, bad in mixed if bad)


def settlements(people: Iterable[Person], season: Season, *, seed: int, lines: int) -> Iterator[Publication]:
    """Yield ``lines`` settled lines of every person, with mistakes among them."""
    of_people = (
        (season.settlement(person, line), _may_be_spoiled(line))
        for person in people
        for line in claims(person, seed, lines, until=season.today)
    )
    return (publication for publication, _bad in _with_mistakes(of_people, LINES, seed))


def _with_mistakes(
    good: Iterable[tuple[Publication, bool]], table: Mapping[str, Mistake], seed: int
) -> Iterator[tuple[Publication, bool]]:
    """Yield good events and, now and then after one that may be spoiled, a bad copy (with True)."""
    rng = Random(f"mistakes:{seed}")
    kinds = cycle(table.values())
    made = 0
    last: Publication | None = None
    for publication, may_be_spoiled in good:
        yield publication, False
        if not may_be_spoiled:
            continue
        last = publication
        if rng.random() < BAD_SHARE:
            made += 1
            yield next(kinds).of(publication, made), True
    if last is not None:
        for serial in range(made + 1, len(table) + 1):
            yield next(kinds).of(last, serial), True


def _may_be_spoiled(line: ClaimLine) -> bool:
    """Tell whether a line is plain enough for every mistake to end as the table says."""
    return line.base > 0 and line.reverses is None and not line.minor_secret and line.act != FLAT_CONTRIBUTION
