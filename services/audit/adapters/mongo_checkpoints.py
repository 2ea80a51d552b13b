"""What was signed, in MongoDB.

- ``signed``       {_id: size, note}: by the log alone, before any witness is asked
- ``checkpoints``  {_id: size, note}: with its witnesses, for everybody

Rows are only inserted. What a checkpoint says stands in its note and nowhere else.
"""

from functools import partial

from pymongo import DESCENDING
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from services.audit.domain.checkpoints import Signed
from services.audit.domain.tree import LogDamagedError
from shared.messaging.unit import Unit
from shared.mongo import Document
from verifier.checkpoints import parse_checkpoint
from verifier.faults import TamperedError
from verifier.notes import parse_note


class MongoCheckpoints:
    """The `CheckpointStore`."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._signed, self._published = database["signed"], database["checkpoints"]

    async def signed(self) -> Signed | None:
        """See `CheckpointStore.signed`."""
        return await _last(self._signed)

    async def published(self) -> Signed | None:
        """See `Checkpoints.published`."""
        return await _last(self._published)

    def keep_signed(self, signed: Signed, unit: Unit) -> None:
        """See `CheckpointStore.keep_signed`."""
        unit.apply(partial(_insert, self._signed, signed))

    def publish(self, signed: Signed, unit: Unit) -> None:
        """See `CheckpointStore.publish`."""
        unit.apply(partial(_insert, self._published, signed))


async def _last(collection: AsyncCollection[Document]) -> Signed | None:
    rows = await collection.find().sort("_id", DESCENDING).limit(1).to_list()
    if not rows:
        return None
    note = str(rows[0]["note"])
    try:
        return Signed(parse_checkpoint(parse_note(note.encode()).text), note)
    except TamperedError as error:
        raise LogDamagedError(f"the checkpoint of {rows[0]['_id']} entries is none: {error.code}") from None


async def _insert(collection: AsyncCollection[Document], signed: Signed, session: AsyncClientSession) -> None:
    await collection.insert_one({"_id": signed.checkpoint.size, "note": signed.note}, session=session)
