"""The data tables that everything simulated is drawn from, read once from `simulator/data`."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Generic, NamedTuple, TypeVar

_DATA = Path(__file__).parent / "data"
_RANK_OFFSET = 6  # the first name of a list is about four times as frequent as the twentieth

T = TypeVar("T")


class Weighted(Generic[T]):
    """Things to draw from, each with its weight."""

    def __init__(self, pairs: Iterable[tuple[T, float]]) -> None:
        self.items, weights = zip(*pairs, strict=True)
        self._cumulative = list(accumulate(weights))

    def draw(self, rng: Random) -> T:
        """Return one of the things, in proportion to its weight."""
        drawn: T = rng.choices(self.items, cum_weights=self._cumulative)[0]
        return drawn


class Commune(NamedTuple):
    """A commune or a municipal arrondissement: INSEE code, name, people, postcodes."""

    code: str
    name: str
    population: int
    postcodes: tuple[str, ...]


class Band(NamedTuple):
    """People of one sex between two ages, both included."""

    sex: str
    first_age: int
    last_age: int


class Country(NamedTuple):
    """A country of birth: INSEE code and where its names come from."""

    code: str
    origin: str


def rows(name: str) -> Iterator[dict[str, str]]:
    """Yield the lines of one of the tables."""
    with (_DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def ranked(names: Iterable[str]) -> Weighted[str]:
    """Weigh names that are listed from the most to the least frequent."""
    return Weighted((name, 1 / (rank + _RANK_OFFSET)) for rank, name in enumerate(names))


@cache
def departments() -> dict[str, int]:
    """Return the population of each department."""
    return {row["department"]: int(row["population"]) for row in rows("departments.csv")}


@cache
def communes() -> dict[str, Weighted[Commune]]:
    """Return the communes of each department, weighed by their population."""
    found: defaultdict[str, list[Commune]] = defaultdict(list)
    for row in rows("communes.csv"):
        postcodes = tuple(row["postcodes"].split())
        found[row["department"]].append(Commune(row["code"], row["name"], int(row["population"]), postcodes))
    return {code: Weighted((item, item.population) for item in items) for code, items in found.items()}


@cache
def all_departments() -> Weighted[str]:
    """Return the departments of France, weighed by their population."""
    return Weighted(departments().items())


@cache
def pyramid() -> Weighted[Band]:
    """Return the age pyramid of France."""
    return Weighted(
        (Band(sex, int(row["first_age"]), int(row["last_age"])), int(row[column]))
        for row in rows("pyramid.csv")
        for sex, column in (("M", "men"), ("F", "women"))
    )


@cache
def countries() -> Weighted[Country]:
    """Return the countries where people who live in France were born."""
    return Weighted((Country(row["code"], row["origin"]), int(row["weight"])) for row in rows("countries.csv"))


@cache
def given_names() -> dict[tuple[int, str], Weighted[str]]:
    """Return the usual given names by decade and sex."""
    return {(int(row["decade"]), row["sex"]): ranked(row["names"].split()) for row in rows("given_names.csv")}


@cache
def foreign_given_names() -> dict[tuple[str, str], Weighted[str]]:
    """Return given names by origin and sex, for people with ties elsewhere."""
    return {(row["origin"], row["sex"]): ranked(row["names"].split("|")) for row in rows("given_names_by_origin.csv")}


@cache
def family_names() -> dict[str, Weighted[str]]:
    """Return family names by region or origin."""
    return {row["origin"]: ranked(row["names"].split("|")) for row in rows("family_names.csv")}


@cache
def streets() -> dict[str, Weighted[str]]:
    """Return the names of streets, hamlets and residences by kind."""
    return {row["kind"]: ranked(row["names"].split("|")) for row in rows("streets.csv")}
