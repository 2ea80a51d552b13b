"""HL7's way of writing points in time (TS): ``YYYYMMDDhhmm[ss[.f]]±zzzz``, or a day."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

from shared.errors import RefusedError

_INSTANT: Final = re.compile(
    r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(?:(\d\d)(?:\.(\d{1,6}))?)?([+-])(\d\d)([0-5]\d)", re.ASCII
)
_DAY: Final = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)
_PARIS: Final = ZoneInfo("Europe/Paris")
_FARTHEST: Final = 14
"""Hours: the largest offset in use on earth."""


def instant_of(text: str, place: str) -> datetime:
    """Return the instant, in UTC; seconds may be missing, the offset may not: without it the instant is unknown."""
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise RefusedError("date-invalid", place)
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = match.groups("0")
    if int(hours) > _FARTHEST:
        raise RefusedError("date-invalid", place)
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    zone = timezone(offset if sign == "+" else -offset)
    try:
        local = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=zone)
        return local.replace(microsecond=int(fraction.ljust(6, "0"))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RefusedError("date-invalid", place) from None


def moment_of(text: str, place: str) -> datetime:
    """Return an instant in UTC; a bare day is its beginning in Paris, as an act's day is a legal day."""
    if not _DAY.fullmatch(text):
        return instant_of(text, place)
    day = day_of(text, place)
    try:
        return datetime(day.year, day.month, day.day, tzinfo=_PARIS).astimezone(UTC)
    except OverflowError:
        raise RefusedError("date-invalid", place) from None


def day_of(text: str, place: str) -> date:
    """Return the calendar day that a text begins with, as it is written: a birth has a day, not an instant."""
    match = _DAY.match(text)
    if match is None:
        raise RefusedError("date-invalid", place)
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise RefusedError("date-invalid", place) from None
