"""What people are called: by the decade and the place of their birth and by where their family is from."""

import unicodedata
from random import Random

from simulator import tables

REGIONAL = {
    **dict.fromkeys(("22", "29", "35", "44", "56"), "brittany"),
    **dict.fromkeys(("09", "11", "31", "32", "34", "65", "66", "81", "82"), "occitan"),
    **dict.fromkeys(("02", "59", "60", "62", "80"), "picardy"),
    **dict.fromkeys(("67", "68"), "alsace"),
    **dict.fromkeys(("2A", "2B"), "corsica"),
    **dict.fromkeys(("971", "972", "973", "974"), "overseas"),
}
_REGIONAL_SHARE = 0.35
_DESCENT = tables.Weighted([("maghreb", 8), ("portugal", 3), ("latin", 4), ("africa", 3), ("asia", 1), ("turkey", 1)])
_DESCENT_SHARE = 0.2
"""Names of people born in France whose family came from elsewhere: rough, and reached over fifty years."""
_FRENCH_NAME_SHARE = {"maghreb": 0.3, "turkey": 0.3, "africa": 0.6}
_USUALLY_FRENCH = 0.85
_SECOND_NAMES = tables.Weighted([(1, 45), (2, 35), (3, 20)])
_DECADES = range(1920, 2030, 10)
_LETTERS = str.maketrans({"\u0131": "i", "\u0153": "oe", "\u0152": "OE"})  # those that have no decomposition


def origin_of(rng: Random, department: str, year: int) -> str:
    """Return where the family name of somebody born in a French department that year comes from."""
    if rng.random() < _DESCENT_SHARE * min(max(year - 1940, 5) / 50, 1):
        return _DESCENT.draw(rng)
    region = REGIONAL.get(department)
    return region if region and rng.random() < _REGIONAL_SHARE else "france"


def family_name(rng: Random, origin: str) -> str:
    """Return a family name in capitals, as registers write it."""
    return tables.family_names()[origin].draw(rng)


def given_names(rng: Random, *, year: int, sex: str, origin: str, born_in_france: bool) -> tuple[str, ...]:
    """Return one to three different given names, plausible for the year of birth."""
    wanted = _SECOND_NAMES.draw(rng)
    if (origin, sex) in tables.foreign_given_names() and rng.random() >= _french_share(
        origin, born_in_france=born_in_france
    ):
        return (tables.foreign_given_names()[origin, sex].draw(rng),)
    first = _usual(rng, year, sex)
    others = (_usual(rng, year - 30, sex) for _ in range(wanted - 1))  # after the grandparents
    return tuple(dict.fromkeys((first, *others)))


def plain(text: str) -> str:
    """Return capitals without accents, apostrophes or hyphens, as on an envelope."""
    letters = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    kept = "".join(c if c.isalnum() else " " for c in letters if not unicodedata.combining(c))
    return " ".join(kept.upper().split())


def _french_share(origin: str, *, born_in_france: bool) -> float:
    return _FRENCH_NAME_SHARE.get(origin, _USUALLY_FRENCH) if born_in_france else 0.1


def _usual(rng: Random, year: int, sex: str) -> str:
    decade = min(max(year // 10 * 10, _DECADES[0]), _DECADES[-1])
    return tables.given_names()[decade, sex].draw(rng)
