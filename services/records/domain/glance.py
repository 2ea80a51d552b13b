"""A record at a glance: all that a decision about who reads what is taken on."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.records.domain.account import AccountState
from services.records.domain.chain import Link
from services.records.domain.documents import Document
from services.records.domain.rights import Right


@dataclass(frozen=True, slots=True)
class Glance:
    """What one visit to the database saw of a record; nothing of one that is not there."""

    account: AccountState | None
    right: Right | None
    """Of the professional who asks."""
    documents: Sequence[Document]
    links: Sequence[Link]
    """Of all documents, where a single one was asked for."""
