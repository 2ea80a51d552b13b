"""The log in the database is only added to: who writes it can change, remove or move nothing of it (rule 13)."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest
from pymongo.errors import OperationFailure

from deploy.local.database_roles import ROLES
from deploy.local.users import SERVICES
from tests.integration.deploy.database_commands import deleted, ending, inserted, updated, written_to

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(("database", "log"), [("audit", "leaves"), ("openings", "openings")])
@pytest.mark.parametrize(
    "command",
    [
        updated,
        deleted,
        ending,
        lambda name: {"drop": name},
        lambda name: {"collMod": name, "validationLevel": "off"},
        lambda name: {"findAndModify": name, "query": {}, "remove": True},
        lambda name: {"findAndModify": name, "query": {}, "update": {"$set": {"a": 2}}},
        lambda name: {"update": name, "updates": [{"q": {"_id": 1}, "u": {"_id": 1}, "upsert": True}]},
        lambda name: {"dropIndexes": name, "index": "*"},
        lambda name: {"convertToCapped": name, "size": 4096},
        lambda name: {**inserted(name), "bypassDocumentValidation": True, "documents": [{"_id": 1}]},
        lambda name: written_to(name, "$out"),
        lambda name: written_to(name, "$merge"),
    ],
)
def test_the_log_is_only_added_to(
    act: Callable[..., Any], database: str, log: str, command: Callable[[str], Any]
) -> None:
    """Whoever writes the log can neither change nor remove what is in it, by no command and no detour (rule 13)."""
    row = {"_id": int(uuid4().hex[:8], 16), "event": uuid4().hex}
    act("audit", database, {"insert": log, "documents": [row]})
    with pytest.raises(OperationFailure, match=r"not authorized|not allowed"):
        act("audit", database, command(log))


def test_the_log_cannot_be_moved_away(act: Callable[..., Any], place: tuple[str, Mapping[str, str]]) -> None:
    """Neither renaming the log nor dropping its database is open to who writes it."""
    names = {"renameCollection": f"audit{place[0]}.leaves", "to": f"audit{place[0]}.gone"}
    for user in ROLES:
        with pytest.raises(OperationFailure, match="not authorized"):
            act(user, "admin", names)
        for database in (*SERVICES, "vault", "contents"):
            with pytest.raises(OperationFailure, match="not authorized"):
                act(user, database, {"dropDatabase": 1})
