"""A document's bytes that no record names: the record refused the document when the bytes were kept already."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """A content whose document was refused."""

    content: str
    document: str
    """The document may have come again since, with another content."""


def removable(unclaimed: Iterable[Unclaimed], claims: Mapping[str, str]) -> list[str]:
    """Return the contents that no document names; ``claims``: which content each stored document has."""
    return [each.content for each in unclaimed if claims.get(each.document) != each.content]
