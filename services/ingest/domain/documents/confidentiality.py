"""Who may see a document: the level that its header gives, and what the depositor asked to hide (§3.5 of the rules).

Levels are HL7's N, R, V; hidings are those of TRE_A07. JDV_J08 holds these six and no other.
"""

from collections.abc import Collection
from typing import Final

from shared.errors import RefusedError

NORMAL: Final = "N"
LEVELS: Final = frozenset({NORMAL, "R", "V"})

MASKED: Final = "MASQUE_PS"
"""Hidden from professionals, still visible to the person."""
UNANNOUNCED: Final = "INVISIBLE_PATIENT"
"""Hidden from the person until a professional has announced it."""
HIDDEN_FROM_PARENTS: Final = "INVISIBLE_REPRESENTANTS_LEGAUX"

FROM_THE_PERSON: Final = frozenset({UNANNOUNCED, HIDDEN_FROM_PARENTS})
"""Whoever logs in for a child is not told apart from the child: either learns nothing of these (F35)."""

HIDINGS: Final = (MASKED, UNANNOUNCED, HIDDEN_FROM_PARENTS)
"""In the order in which they are kept."""


def check_level(code: str, place: str) -> str:
    """Return a header's level; a hiding is asked for at the deposit, never written into the document."""
    if code not in LEVELS:
        raise RefusedError("field-range", place)
    return code


def with_hidings(level: str, asked: Collection[str], *, combined: bool) -> tuple[str, ...]:
    """Return a document's confidentiality: its level and the hidings asked for, each once.

    Hidden from professionals and from the person at once, nobody would look after it: that is refused unless
    ``combined`` says that the installation allows it (F36).
    """
    if not set(asked) <= set(HIDINGS):
        raise RefusedError("field-range", "confidentiality")
    if not combined and {MASKED, UNANNOUNCED} <= set(asked):
        raise RefusedError("confidentiality-combination", "confidentiality")
    return level, *(hiding for hiding in HIDINGS if hiding in asked)
