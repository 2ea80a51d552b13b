"""Who may do what in the database: a role and a user per service, as a table (design §6), and what is made for them.

A service may read and write its own database but drop nothing, change no collection's rules and reach nobody else's.
Where inserting is all there is to do, an index would be a way to delete (rows that end by a date): those collections
and their indexes are made here, and the service only looks whether they are there.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pymongo import MongoClient

Actions = tuple[str, ...]

READ: Final[Actions] = ("find", "listIndexes")
APPEND: Final[Actions] = (*READ, "insert")
WRITE: Final[Actions] = (*APPEND, "update", "remove", "createCollection", "createIndex")

_WORKING: Final = (
    *("inbox", "outbox", "books", "processes", "started", "spent_tokens", "leases", "fences", "keys", "erased"),
    *("findings", "statements", "stated", "held_sets", "erasures"),
)
"""What audit needs beside the log, as every service does."""

_BESIDE_THE_LOG: Final = ("marks", "producers", "counts", "overseers")
"""What finds entries and shows that none is missing; the entries themselves say more than it."""

ROLES: Final[Mapping[str, Mapping[tuple[str, str], Actions]]] = {
    "ingest": {
        ("ingest", ""): WRITE,
        ("vault", ""): READ,
        **{("vault", name): APPEND for name in ("keys", "subjects")},
        ("contents", "documents"): APPEND,
    },
    "records": {
        ("records", ""): WRITE,
        ("vault", ""): READ,
        **{("vault", name): (*APPEND, "remove") for name in ("keys", "subjects", "erased")},
        ("contents", "documents"): READ,
    },
    "notifications": {("notifications", ""): WRITE, ("vault", ""): READ},
    "audit": {
        ("audit", ""): READ,
        ("audit", "leaves"): APPEND,
        **{("audit", name): (*APPEND, "update") for name in ("tiles", "head")},
        **{("audit", name): APPEND for name in ("signed", "checkpoints")},
        ("openings", "openings"): APPEND,
        **{("audit", name): WRITE for name in (*_WORKING, *_BESIDE_THE_LOG)},
        ("vault", ""): READ,
    },
    "gc": {("contents", "documents"): (*READ, "remove")},
    "eraser": {("openings", "openings"): (*READ, "remove")},
}
"""Per user, what it may do where; (database, collection), all collections where it is empty."""

ADMIN: Final = "admin"
"""Makes roles and users, and whatever a person has to do by hand. No process of Carnet runs as this user."""

DATABASE_USERS: Final = (ADMIN, *ROLES)

_BY_INDEX: Final = {"clusteredIndex": {"key": {"_id": 1}, "unique": True}}

MADE: Final[Mapping[tuple[str, str], Mapping[str, Any]]] = {
    ("vault", "keys"): {},
    ("vault", "erased"): {},
    ("vault", "subjects"): {},
    ("contents", "documents"): {},
    **{("audit", name): _BY_INDEX for name in ("leaves", "head", "signed", "checkpoints")},
    ("audit", "tiles"): {},
    ("openings", "openings"): _BY_INDEX,
}
"""Collections that their services may not shape, with their options."""

INDEXES: Final[Mapping[tuple[str, str], tuple[Mapping[str, Any], ...]]] = {
    ("vault", "keys"): ({"key": {"subject": 1, "class": 1}, "name": "subject_1_class_1", "unique": True},),
    ("audit", "leaves"): ({"key": {"event": 1}, "name": "event_1", "unique": True},),
    ("openings", "openings"): (
        {
            "key": {"record": 1, "_id": 1},
            "name": "record_1__id_1",
            "partialFilterExpression": {"record": {"$exists": True}},
        },
        {"key": {"at": 1}, "name": "at_1", "partialFilterExpression": {"type": "account.closed.v1"}},
    ),
}
"""Their indexes, as the services' own `prepare` makes them where it may."""

_NAMESPACE_EXISTS: Final = 48


def set_up(client: "MongoClient[dict[str, Any]]", passwords: Mapping[str, str], *, suffix: str = "") -> None:
    """Make collections, roles and users, or bring them up to date; `passwords` has one per user of `ROLES`.

    `suffix` stands behind the name of every database, role and user.
    """
    _make_collections(client, suffix)
    for user, password in passwords.items():
        if user in ROLES:
            grant(client, user, password, suffix=suffix)


def grant(client: "MongoClient[dict[str, Any]]", user: str, password: str, *, suffix: str = "") -> None:
    """Give a user of `ROLES` its role and its password."""
    name = user + suffix
    _upsert(client, "Role", name, {"privileges": list(privileges(user, suffix=suffix)), "roles": []})
    mechanisms = {"mechanisms": ["SCRAM-SHA-256"]}
    _upsert(client, "User", name, {"pwd": password, "roles": [{"role": name, "db": ADMIN}], **mechanisms})


def privileges(user: str, *, suffix: str = "") -> Iterator[dict[str, Any]]:
    """Yield what a user may do, as MongoDB writes it."""
    # Every process checks at its start how long a transaction may live.
    yield {"resource": {"cluster": True}, "actions": ["getParameter"]}
    for (database, collection), actions in ROLES[user].items():
        yield {"resource": {"db": database + suffix, "collection": collection}, "actions": list(actions)}


def _make_collections(client: "MongoClient[dict[str, Any]]", suffix: str) -> None:
    from pymongo.errors import OperationFailure

    for (database, collection), options in MADE.items():
        try:
            client[database + suffix].command("create", collection, **options)
        except OperationFailure as error:
            if error.code != _NAMESPACE_EXISTS:
                raise
    for (database, collection), indexes in INDEXES.items():
        client[database + suffix].command("createIndexes", collection, indexes=[dict(each) for each in indexes])


def _upsert(client: "MongoClient[dict[str, Any]]", kind: str, name: str, content: Mapping[str, Any]) -> None:
    known = client.admin.command(f"{kind.lower()}sInfo", name)[f"{kind.lower()}s"]
    client.admin.command(f"{'update' if known else 'create'}{kind}", name, **content)
