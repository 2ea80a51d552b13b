"""The database itself keeps services apart: each acts in its own database, and none can take back what must stay."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from deploy.local import mongodb
from deploy.local.database_roles import ADMIN, INDEXES, MADE, ROLES, set_up
from deploy.local.ports import free_port
from deploy.local.roles import is_ready
from deploy.local.stack import Stack, start_stack
from deploy.local.users import SERVICES
from tests.integration.conftest import Installation, Launch, until

pytestmark = pytest.mark.integration

Client = MongoClient[dict[str, Any]]
As = Callable[[str], Client]


@pytest.fixture(scope="module")
def guarded(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give a stack whose database asks who is there: an engine's, or one of the environment, may not."""
    if stack.origin == "native":
        yield stack
        return
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CARNET_AMQP_URL", "CARNET_MONGO_URL"):
            patch.delenv(name, raising=False)
        own = start_stack(tmp_path_factory.mktemp("guarded"), cache_gb=0.25)
    yield own
    own.discard()


@pytest.fixture(scope="module")
def admin(guarded: Stack) -> Iterator[Client]:
    """Give a client that may do everything."""
    with Client(guarded.mongo_url) as client:
        yield client


@pytest.fixture(scope="module")
def place(admin: Client) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Give the suffix of databases, roles and users of these tests, and the passwords."""
    suffix, passwords = f"_{uuid4().hex[:8]}", {user: uuid4().hex for user in ROLES}
    set_up(admin, passwords, suffix=suffix)
    yield suffix, passwords
    for user in ROLES:
        admin.admin.command("dropUser", user + suffix)
        admin.admin.command("dropRole", user + suffix)
    for name in (*SERVICES, "vault", "contents"):
        admin.drop_database(name + suffix)


@pytest.fixture(scope="module")
def clients(guarded: Stack, place: tuple[str, Mapping[str, str]]) -> Iterator[As]:
    """Give what returns the client of a user."""
    suffix, passwords = place
    port = int(guarded.mongo_url.rpartition("/?")[0].rpartition(":")[2])
    opened = {user: Client(mongodb.url(port, user + suffix, passwords[user])) for user in ROLES}
    yield opened.__getitem__
    for client in opened.values():
        client.close()


@pytest.fixture
def act(clients: As, place: tuple[str, Mapping[str, str]]) -> Callable[..., Any]:
    """Give what runs a command as a user in a database."""

    def run(user: str, database: str, command: Mapping[str, Any]) -> Any:
        name = database if database == ADMIN else database + place[0]
        return clients(user)[name].command(dict(command))

    return run


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
