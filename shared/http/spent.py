"""Tokens that serve one change only: written down when they are used, until they would have ended anyway."""

from datetime import datetime
from typing import Final, Protocol

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from shared.mongo import Document

COLLECTION: Final = "spent_tokens"


class SpentTokens(Protocol):
    """The memory of a service for the tokens that were used up at its doors."""

    async def spend(self, token: str, until: datetime) -> bool:
        """Write down that a token, named by a digest, was used; return False if it had been before.

        ``until``: when it may be forgotten.
        """
        ...


class MongoSpentTokens:
    """The memory as a collection of the service's own database; the unique ``_id`` decides who was first."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._rows = database[COLLECTION]

    async def prepare(self) -> None:
        """Let the database forget rows whose time is over."""
        await self._rows.create_index("until", expireAfterSeconds=0)

    async def spend(self, token: str, until: datetime) -> bool:
        """See `SpentTokens.spend`."""
        try:
            await self._rows.insert_one({"_id": token, "until": until})
        except DuplicateKeyError:
            return False
        return True
