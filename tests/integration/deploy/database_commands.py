"""Commands to a database, as a service or somebody in its place may send them."""

from collections.abc import Callable
from typing import Any

from pymongo import MongoClient

Client = MongoClient[dict[str, Any]]
As = Callable[[str], Client]


def inserted(collection: str) -> dict[str, Any]:
    """Return the command that inserts a row."""
    return {"insert": collection, "documents": [{"a": 1}]}


def deleted(collection: str) -> dict[str, Any]:
    """Return the command that deletes rows."""
    return {"delete": collection, "deletes": [{"q": {}, "limit": 0}]}


def updated(collection: str) -> dict[str, Any]:
    """Return the command that changes rows."""
    return {"update": collection, "updates": [{"q": {}, "u": {"$set": {"a": 2}}, "multi": True}]}


def found(collection: str) -> dict[str, Any]:
    """Return the command that reads a row."""
    return {"find": collection, "limit": 1}


def ending(collection: str) -> dict[str, Any]:
    """Return the command that would have rows end by a date."""
    return {"createIndexes": collection, "indexes": [{"key": {"at": 1}, "name": "at_1", "expireAfterSeconds": 0}]}


def written_to(collection: str, stage: str, source: str = "inbox") -> dict[str, Any]:
    """Return the query that writes its result into a collection."""
    return {"aggregate": source, "pipeline": [{stage: collection}], "cursor": {}}
