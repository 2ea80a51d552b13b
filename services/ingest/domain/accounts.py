"""Whether a person's record is open, as far as ingest was told: enough to answer a depositor honestly.

Records decides; what arrives between a decision and its news is refused by records.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """The latest news of a record, by the account's own version."""

    record: str
    open: bool
    version: int


def latest(known: Account | None, news: Account) -> Account:
    """Return what is true after some news, whatever the order in which they arrive."""
    return news if known is None or news.version > known.version else known
