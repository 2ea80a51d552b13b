"""How every service asks its database: nothing about durability or certainty is left to a default (rule 15)."""

from datetime import UTC
from typing import Any, Final, TypeAlias

from bson.codec_options import CodecOptions
from pymongo import IndexModel, ReadPreference
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

Document: TypeAlias = dict[str, Any]

DURABLE: Final = WriteConcern("majority", j=True, wtimeout=10_000)
"""Written by a majority and in its journal, or not written."""

MAJORITY: Final = ReadConcern("majority")
"""What is read cannot be rolled back any more."""

SNAPSHOT: Final = ReadConcern("snapshot")
"""A transaction reads one state of the whole."""

_WITH_ZONE: Final[CodecOptions[Document]] = CodecOptions(tz_aware=True, tzinfo=UTC)


def stated(database: AsyncDatabase[Document]) -> AsyncDatabase[Document]:
    """Return the database as services use it: on the primary, by a majority and its journal, instants in UTC."""
    return database.with_options(
        codec_options=_WITH_ZONE,
        read_preference=ReadPreference.PRIMARY,
        read_concern=MAJORITY,
        write_concern=DURABLE,
    )


async def ensure_index(collection: AsyncCollection[Document], index: IndexModel) -> None:
    """Create an index unless it is there; looking needs less rights than creating.

    Where a service may only insert, the deployment makes collections and indexes (`deploy/local/database_roles.py`):
    whoever may create an index may have rows end by a date.
    """
    if index.document["name"] not in await collection.index_information():
        await collection.create_indexes([index])
