"""Who may see everything that is done with a record: the attending physician, and whom the person made equal (F51)."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Overseer:
    """What records said of a professional and a record."""

    record: str
    professional: str
    """The opaque name."""
    oversight: str | None
    """``attending`` or ``administrator``; None: not any more."""
    until: datetime | None
    """When it ends by itself."""
    version: int
    """Of the right in records: the latest counts, whatever comes first."""

    @property
    def id(self) -> str:
        """One per record and professional."""
        return f"{self.record}/{self.professional}"

    def standing(self, now: datetime) -> str | None:
        """Return as what the professional oversees the record now; None: not at all."""
        return None if self.until is not None and now >= self.until else self.oversight
