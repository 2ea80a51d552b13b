"""Whom the campaign reaches: which territory and which regimes from which day (F01, F82)."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Phase(StrEnum):
    """How far the roll-out has come."""

    PILOT = "pilot"
    NATIONAL = "national"


@dataclass(frozen=True, slots=True)
class Territory:
    """Departments and regimes; None means all of them."""

    departments: frozenset[str] | None = None
    regimes: frozenset[str] | None = None

    def holds(self, department: str, regime: str) -> bool:
        """Tell whether a person insured there, so, is concerned."""
        return (self.departments is None or department in self.departments) and (
            self.regimes is None or regime in self.regimes
        )


FRANCE = Territory()


@dataclass(frozen=True, slots=True)
class Campaign:
    """The plan. Moving a date changes who is reached next, and nothing for those who were reached (F82)."""

    pilot: Territory
    pilot_from: date
    national_from: date

    def phase(self, today: date) -> Phase | None:
        """Return the phase of a day, None before the pilot."""
        if today >= self.national_from:
            return Phase.NATIONAL
        return Phase.PILOT if today >= self.pilot_from else None

    def territory(self, today: date) -> Territory | None:
        """Return where notices are sent on a day, None before the pilot."""
        return {None: None, Phase.PILOT: self.pilot, Phase.NATIONAL: FRANCE}[self.phase(today)]
