"""Decisions {_id: record, version, state} and preferences {_id: record, by_email, version} in MongoDB."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from services.notifications.domain.decision import Decision, Preference
from shared.messaging.guarded import Change, write_guarded
from shared.messaging.unit import Unit
from shared.mongo import Document


class MongoDecisions:
    """`DecisionStore` on a collection that every change guards by the version it read."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._decisions = database["decisions"]

    async def find(self, records: Collection[str]) -> Mapping[str, Decision]:
        """See `DecisionStore.find`: one find for the whole batch."""
        rows = await self._decisions.find({"_id": {"$in": list(records)}}).to_list()
        return {row["_id"]: Decision(row["_id"], row["version"], row["state"]) for row in rows}

    def save(self, decisions: Sequence[Decision], unit: Unit, *, read: Mapping[str, Decision]) -> None:
        """See `DecisionStore.save`."""
        changes = [Change(_document(each), _guard(read.get(each.record))) for each in decisions]
        if changes:
            unit.apply(partial(write_guarded, self._decisions, changes))


class MongoPreferences:
    """`PreferenceStore` on a collection that every change guards by the version it read."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._preferences = database["preferences"]

    async def find(self, records: Collection[str]) -> Mapping[str, Preference]:
        """See `PreferenceStore.find`."""
        rows = await self._preferences.find({"_id": {"$in": list(records)}}).to_list()
        return {row["_id"]: Preference(row["_id"], row["by_email"], row["version"]) for row in rows}

    def save(self, preference: Preference, unit: Unit, *, read: Preference | None) -> None:
        """See `PreferenceStore.save`."""
        unit.apply(partial(write_guarded, self._preferences, [Change(_document(preference), _guard(read))]))


def _document(row: Any) -> Document:
    fields = asdict(row)
    return {"_id": fields.pop("record"), **fields}


def _guard(read: Decision | Preference | None) -> Document | None:
    return None if read is None else {"version": read.version}
