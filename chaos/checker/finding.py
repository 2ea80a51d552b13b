"""What a check says: what it looked at, and what was wrong."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """One property of a run."""

    name: str
    promise: str
    """What must hold, in words for the reader."""
    checked: int
    """How many things were looked at; a check that saw nothing says nothing."""
    violations: list[str] = field(default_factory=list)
    """A sentence for each."""

    @property
    def holds(self) -> bool:
        """Nothing was wrong."""
        return not self.violations


def finding(name: str, promise: str, checked: int, violations: Iterable[str]) -> Finding:
    """Return what a check says."""
    return Finding(name, promise, checked, list(violations))
