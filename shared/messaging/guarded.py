"""A change of rows that others change too: it holds only if each row still is what the handler read."""

from collections.abc import Sequence
from dataclasses import dataclass

from pymongo import InsertOne, ReplaceOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection

from shared.messaging.failures import RacedError
from shared.mongo import Document


@dataclass(frozen=True, slots=True)
class Change:
    """A row to write, and the fields that must still have the values they were read with; None: no such row."""

    row: Document
    read: Document | None


async def write_guarded(
    collection: AsyncCollection[Document], changes: Sequence[Change], session: AsyncClientSession
) -> None:
    """Write every row inside a transaction; raise `RacedError` if one was changed since it was read.

    A row that was absent and is there now is a duplicate key, which the core takes for the conflict it is.
    """
    operations = [
        InsertOne(change.row)
        if change.read is None
        else ReplaceOne({"_id": change.row["_id"], **change.read}, change.row)
        for change in changes
    ]
    result = await collection.bulk_write(operations, ordered=False, session=session)
    if result.inserted_count + result.matched_count != len(operations):
        raise RacedError
