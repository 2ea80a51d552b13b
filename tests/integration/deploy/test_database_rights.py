"""The database itself keeps services apart: each acts in its own database, and goes no further than its role."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest
from pymongo.errors import OperationFailure

from deploy.local import mongodb
from deploy.local.database_roles import INDEXES, MADE, ROLES, set_up
from deploy.local.ports import free_port
from deploy.local.roles import is_ready
from deploy.local.stack import Stack
from deploy.local.users import SERVICES
from tests.integration.conftest import Installation, Launch, until
from tests.integration.deploy.database_commands import Client, deleted, ending, found, inserted, updated

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("service", ["ingest", "records", "notifications"])
def test_a_service_works_in_its_own_database(act: Callable[..., Any], service: str) -> None:
    """A service creates, indexes, reads, writes and removes in its own database."""
    act(service, service, {"create": "things"})
    for command in (ending("things"), inserted("things"), updated("things"), found("things"), deleted("things")):
        act(service, service, command)


@pytest.mark.parametrize(
    ("user", "database", "command"),
    [
        ("records", "vault", inserted("erased")),
        ("records", "vault", deleted("erased")),
        ("ingest", "vault", inserted("subjects")),
        ("ingest", "contents", inserted("documents")),
        ("records", "contents", found("documents")),
        ("gc", "contents", found("documents")),
        ("gc", "contents", deleted("documents")),
        ("notifications", "vault", found("keys")),
        ("audit", "vault", found("keys")),
        ("audit", "audit", {"insert": "leaves", "documents": [{"_id": 7, "event": "k"}]}),
        ("audit", "openings", {"insert": "openings", "documents": [{"_id": 7}]}),
        ("audit", "audit", found("leaves")),
        ("audit", "audit", updated("tiles")),
        ("audit", "audit", updated("head")),
        ("audit", "audit", updated("inbox")),
        ("audit", "audit", deleted("inbox")),
    ],
)
def test_what_a_role_is_for(act: Callable[..., Any], user: str, database: str, command: dict[str, Any]) -> None:
    """What the table of design §6 grants is done."""
    assert act(user, database, command)["ok"] == 1


FOREIGN = [
    (user, database, command)
    for user in ROLES
    for database in (*SERVICES, "vault", "contents", "admin")
    for command in (found("rows"), inserted("rows"), updated("rows"), deleted("rows"), {"create": "rows"})
    if user != database and next(iter(command)) not in ROLES[user].get((database, ""), ())
] + [
    (user, database, command(collection))
    for (database, collection), names in {
        ("vault", "keys"): {"ingest": (updated, deleted), "records": (updated,)},
        ("vault", "subjects"): {"ingest": (updated, deleted), "records": (updated,)},
        ("vault", "erased"): {"ingest": (inserted, updated, deleted), "records": (updated,)},
        ("contents", "documents"): {
            "ingest": (updated, deleted, ending),
            "records": (inserted, updated, deleted, ending),
            "gc": (inserted, updated, ending),
        },
    }.items()
    for user, commands in names.items()
    for command in commands
]


def test_nobody_goes_further_than_the_table(act: Callable[..., Any]) -> None:
    """Every act in another's database, the vault or the contents that the table does not name is refused."""
    assert len(FOREIGN) > 100
    for user, database, command in FOREIGN:
        with pytest.raises(OperationFailure, match="not authorized"):
            act(user, database, command)


@pytest.mark.parametrize(
    "command",
    [
        {"usersInfo": 1, "showCredentials": True},
        {"createUser": "x", "pwd": "x", "roles": []},
        {"grantRolesToUser": "audit", "roles": ["root"]},
        {"setParameter": 1, "ttlMonitorEnabled": False},
        {"replSetReconfig": {}, "force": True},
        {"shutdown": 1},
    ],
    ids=lambda command: next(iter(command)),
)
def test_nobody_governs_the_server(act: Callable[..., Any], command: dict[str, Any]) -> None:
    """No service makes users, gives rights, or changes or stops the server."""
    for user in ROLES:
        with pytest.raises(OperationFailure, match="not authorized"):
            act(user, "admin", command)


def test_no_script_runs_in_the_server(act: Callable[..., Any]) -> None:
    """JavaScript in a query is refused, whoever asks (bad input 46)."""
    act("records", "records", inserted("scripted"))
    with pytest.raises(OperationFailure, match=r"(?i)script"):
        act("records", "records", {"find": "scripted", "filter": {"$where": "true"}})


def test_strangers_see_nothing(guarded: Stack) -> None:
    """Without a user or with a wrong password nothing is read."""
    address = guarded.mongo_url.partition("@")[2]
    nobody = Client(f"mongodb://{address.replace('authSource=admin&', '')}")
    with nobody, pytest.raises(OperationFailure, match="requires authentication"):
        nobody.records.accounts.find_one()
    guesser = Client(f"mongodb://records:guess@{address}")
    with guesser, pytest.raises(OperationFailure, match="Authentication failed"):
        guesser.records.accounts.find_one()


def test_what_is_made_is_what_services_would_make(admin: Client, place: tuple[str, Mapping[str, str]]) -> None:
    """Every collection and index of the table is there, and setting it up again changes nothing."""
    suffix, passwords = place

    def shape() -> dict[tuple[str, str], Any]:
        return {
            (database, name): (
                admin[database + suffix][name].options(),
                sorted(admin[database + suffix][name].index_information()),
            )
            for database, name in MADE
        }

    before = shape()
    set_up(admin, passwords, suffix=suffix)
    assert shape() == before
    for where, indexes in INDEXES.items():
        assert {index["name"] for index in indexes} <= set(before[where][1])


@pytest.mark.parametrize("role", ["worker", "api"])
@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_starts_under_its_own_role(
    guarded: Stack, admin: Client, installation: Installation, launch: Launch, *, service: str, role: str
) -> None:
    """Each process comes up with the rights of its role alone: the table grants all that it needs to start."""
    passwords = {user: uuid4().hex for user in ROLES}
    set_up(admin, passwords, suffix=installation.suffix)
    port = int(guarded.mongo_url.rpartition("/?")[0].rpartition(":")[2])
    url = mongodb.url(port, service + installation.suffix, passwords[service])
    door = free_port([])
    settings = {"CARNET_INSURERS_FILE": "deploy/local/insurers.json", "CARNET_HTTP_PORT": str(door)}
    process = await launch(service, role, CARNET_MONGO_URL=url, **settings)

    async def up() -> bool:
        assert process.returncode is None, "it ended"
        return await asyncio.to_thread(is_ready, door, "/readyz")

    await until(up, f"the start of {service} {role}")
    process.terminate()
    assert await process.wait() == 0
    admin.drop_database("contents" + installation.suffix)
    for user in ROLES:
        admin.admin.command("dropUser", user + installation.suffix)
        admin.admin.command("dropRole", user + installation.suffix)
