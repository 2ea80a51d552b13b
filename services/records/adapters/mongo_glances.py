"""A record at a glance in MongoDB: account, right and documents in one command, because each costs as much as all."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any, Final

from bson.codec_options import CodecOptions
from pymongo.asynchronous.database import AsyncDatabase

from services.records.adapters.mongo_documents import document_of, link_of
from services.records.adapters.mongo_rights import right_of
from services.records.domain.account import AccountState
from services.records.domain.glance import Glance
from shared.mongo import Document as Row

_NAIVE: Final[CodecOptions[Row]] = CodecOptions()
"""Instants without a zone: giving it to them here takes a third of the time."""

_INSTANTS: Final = ("since", "created", "stored")
_LINK: Final = {"created": 1, "replaces": 1, "masked": 1}
_IN_ONE_ANSWER: Final = 10_000


class MongoGlances:
    """`GlanceStore` on the collections of accounts, rights and documents."""

    def __init__(self, database: AsyncDatabase[Row]) -> None:
        self._accounts = database["accounts"].with_options(codec_options=_NAIVE)

    async def some(self, record: str, professional: str | None, *, documents: int = 0) -> Glance:
        """See `GlanceStore.some`."""
        found: list[Row] = [{"$match": {"record": {"$eq": record}}}, {"$limit": documents}]
        return await self._glance(record, professional, [found] if documents else [])

    async def one(self, record: str, professional: str | None, *, document: str) -> Glance:
        """See `GlanceStore.one`: by ``_id``; the record only has to agree."""
        named: list[Row] = [{"$match": {"_id": {"$eq": document}, "record": {"$eq": record}}}]
        links: list[Row] = [{"$match": {"record": {"$eq": record}}}, {"$project": _LINK}]
        return await self._glance(record, professional, [named, links])

    async def _glance(self, record: str, professional: str | None, documents: Sequence[list[Row]]) -> Glance:
        command: list[Row] = [{"$match": {"_id": {"$eq": record}}}, {"$project": {"state": 1}}]
        if professional is not None:
            right = [{"$match": {"_id": f"{record}/{professional}"}}]
            command.append({"$unionWith": {"coll": "rights", "pipeline": right}})
        command += [{"$unionWith": {"coll": "documents", "pipeline": each}} for each in documents]
        rows = await (await self._accounts.aggregate(command, batchSize=_IN_ONE_ANSWER)).to_list()
        return _glance(map(_in_utc, rows))


def _glance(rows: Iterable[Mapping[str, Any]]) -> Glance:
    """Tell the rows apart by what only each kind has."""
    account, right, documents, links = None, None, [], []
    for row in rows:
        if "content" in row:
            documents.append(document_of(row))
        elif "replaces" in row:
            links.append(link_of(row))
        elif "grant" in row:
            right = right_of(row)
        else:
            account = AccountState(row["state"])
    return Glance(account, right, documents, links)


def _in_utc(row: Row) -> Row:
    for name in _INSTANTS:
        if name in row:
            row[name] = row[name].replace(tzinfo=UTC)
    return row
