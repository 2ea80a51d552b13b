"""Whom a notice will go to: the routing facts of a person, and a sealed identity that stays shut until then."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Contact:
    """What an insurer last said of a person that a notice needs."""

    record: str
    version: int
    insurer: str
    event: str
    """Id of the event that told it."""
    regime: str
    department: str
    box: bytes = field(repr=False)

    @property
    def rank(self) -> tuple[int, str, str]:
        """The order of contacts: the insurer's version; the rest decides alike everywhere between equals."""
        return self.version, self.insurer, self.event


def supersedes(news: Contact, known: Contact | None) -> bool:
    """Tell whether a contact takes the place of the known one: whatever the order of arrival, the latest stays."""
    return known is None or news.rank > known.rank
