"""Deposits in MongoDB: {_id: document id, content, record, depositor, digest, received, state, reason, ended}.

Ids, times and keyed hashes only: what a document is and who sent it travels in boxes.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from pymongo.asynchronous.database import AsyncDatabase

from services.ingest.domain.deposits import Deposit, DepositState
from shared.messaging.coalescing import Insertion
from shared.messaging.guarded import Change, write_guarded
from shared.messaging.unit import Unit
from shared.mongo import Document


class MongoDeposits:
    """`DepositStore` on a collection whose key is the document's id: one deposit stands per document (F26)."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._deposits = database["deposits"]

    async def prepare(self) -> None:
        """Create the collection: made inside a transaction it would block others."""
        await self._deposits.create_index("_id")

    async def find(self, documents: Collection[str]) -> Mapping[str, Deposit]:
        """See `DepositStore.find`."""
        return await self._find({"_id": {"$in": list(documents)}}, len(documents))

    async def ended(self, documents: Collection[str]) -> Mapping[str, Deposit]:
        """See `DepositStore.ended`: one find, whoever waits."""
        query = {"_id": {"$in": list(documents)}, "state": {"$ne": DepositState.RECEIVED}}
        return await self._find(query, len(documents))

    def save(self, deposits: Sequence[Deposit], unit: Unit, *, read: Mapping[str, Deposit]) -> None:
        """See `DepositStore.save`: new rows are insertions, which a shared commit joins."""
        new = [_row(deposit) for deposit in deposits if deposit.document not in read]
        changes = [
            Change(_row(deposit), {"content": known.content, "state": known.state})
            for deposit in deposits
            if (known := read.get(deposit.document)) is not None
        ]
        if new:
            unit.apply(Insertion(self._deposits, new))
        if changes:
            unit.apply(partial(write_guarded, self._deposits, changes))

    async def _find(self, query: Document, most: int) -> Mapping[str, Deposit]:
        rows = await self._deposits.find(query, batch_size=most + 1).to_list()
        return {row["_id"]: _deposit(row) for row in rows}


def _row(deposit: Deposit) -> Document:
    return {
        "_id": deposit.document,
        "content": deposit.content,
        "record": deposit.record,
        "depositor": deposit.depositor,
        "digest": deposit.digest,
        "received": deposit.received,
        "state": deposit.state,
        "reason": deposit.reason,
        "ended": deposit.ended,
    }


def _deposit(row: Document) -> Deposit:
    return Deposit(
        document=row["_id"],
        content=row["content"],
        record=row["record"],
        depositor=row["depositor"],
        digest=row["digest"],
        received=row["received"],
        state=DepositState(row["state"]),
        reason=row["reason"],
        ended=row["ended"],
    )
