"""Where people live, written as the French post wants it (NF Z 10-011)."""

import re
from random import Random

from simulator import names, tables

LINE = 38
"""Characters of a line of an address."""

_TOWN = 10_000
_SUFFIXES = tables.Weighted([("", 92), (" BIS", 6), (" TER", 2)])
_ARRONDISSEMENT = re.compile(r" \d+e?r? Arrondissement$")


def address(rng: Random, commune: tables.Commune) -> tuple[str, ...]:
    """Return lines 2 to 6 of an address, without the empty ones; the first line is the person's name.

    Order: flat, building, number and street, hamlet, postcode and city.
    """
    town = commune.population >= _TOWN
    flat = rng.random() < (0.45 if town else 0.08)
    lines = []
    if flat:
        lines.append(f"APPARTEMENT {rng.randint(1, 60)}")
        if rng.random() < 0.5:
            lines.append(tables.streets()["residence"].draw(rng))
    hamlet = not town and not flat and rng.random() < 0.25
    if hamlet:
        lines.append(f"{rng.randint(1, 20)} {tables.streets()['hamlet'].draw(rng)}")
    else:
        street = tables.streets()["town" if town else "village"].draw(rng)
        lines.append(f"{rng.randint(1, 120 if town else 40)}{_SUFFIXES.draw(rng)} {street}")
    lines.append(f"{rng.choice(commune.postcodes)} {city(commune.name)}"[:LINE])
    return tuple(lines)


def city(name: str) -> str:
    """Return a commune's name as it stands after the postcode: capitals, SAINT shortened."""
    words = names.plain(_ARRONDISSEMENT.sub("", name)).split()
    return " ".join({"SAINT": "ST", "SAINTE": "STE"}.get(word, word) for word in words)
