"""Makes of a new mongod what Carnet needs: a replica set of one, and a user per service with the rights of its role.

`python -m deploy.containers.database`; doing it again brings roles and passwords up to date and changes nothing else.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.containers.secrets import ADMIN, database_url

PASSWORDS: Final = Path("/run/secrets/mongodb.passwords.json")
MEMBER: Final = "mongodb:27017"
REPLICA_SET: Final = "carnet"
PRIMARY_SECONDS: Final = 60
_NOT_YET_INITIATED: Final = 94

Client = MongoClient[dict[str, Any]]
Rights = Mapping[tuple[str, str], tuple[str, ...]]

INDEXES: Final = ("createCollection", "createIndex", "listIndexes", "listCollections")
"""Each process makes sure of the indexes it needs when it starts."""
FOREIGN: Final[Mapping[str, Rights]] = {
    "ingest": {("vault", ""): ("find", "insert", *INDEXES), ("contents", ""): ("find", "insert", *INDEXES)},
    "records": {("vault", ""): ("find", "insert", "remove", *INDEXES), ("contents", ""): ("find", "remove", *INDEXES)},
    "notifications": {("vault", ""): ("find", *INDEXES)},
    "audit": {("vault", ""): ("find", *INDEXES)},
}
"""What a service may do outside its own database; (database, collection), all collections where it is empty."""


def main() -> None:
    """Set the database up, or end with a sentence."""
    passwords = json.loads(PASSWORDS.read_text())
    url = os.environ.get("CARNET_ADMIN_URL") or database_url(ADMIN, passwords[ADMIN], options="directConnection=true")
    try:
        with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=10_000) as client:
            make_primary(client, MEMBER)
            for service in FOREIGN:
                grant(client, service, passwords[service])
    except PyMongoError as error:
        sys.exit(f"The database could not be set up: {type(error).__name__}.")
    print("The replica set, the roles and the users are there.")


def make_primary(client: Client, member: str) -> None:
    """Initiate the replica set unless that was done, and wait until it takes writes."""
    try:
        client.admin.command("replSetGetStatus")
    except OperationFailure as error:
        if error.code != _NOT_YET_INITIATED:
            raise
        members = [{"_id": 0, "host": member}]
        client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
    deadline = time.monotonic() + PRIMARY_SECONDS
    while not client.admin.command("hello")["isWritablePrimary"]:
        if time.monotonic() > deadline:
            sys.exit(f"The replica set has no primary after {PRIMARY_SECONDS} s.")
        time.sleep(0.2)


def grant(client: Client, service: str, password: str) -> None:
    """Give a service its role and its user."""
    role = {"privileges": list(privileges(service)), "roles": [{"role": "readWrite", "db": service}]}
    _upsert(client, "Role", service, role)
    _upsert(client, "User", service, {"pwd": password, "roles": [{"role": service, "db": "admin"}]})


def privileges(service: str) -> Iterator[dict[str, Any]]:
    """Yield what a service may do beside reading and writing its own database."""
    # Every process checks at its start how long a transaction may live.
    yield {"resource": {"cluster": True}, "actions": ["getParameter"]}
    for (database, collection), actions in FOREIGN[service].items():
        yield {"resource": {"db": database, "collection": collection}, "actions": list(actions)}


def _upsert(client: Client, kind: str, name: str, content: Mapping[str, Any]) -> None:
    known = client.admin.command(f"{kind.lower()}sInfo", name)[f"{kind.lower()}s"]
    client.admin.command(f"{'update' if known else 'create'}{kind}", name, **content)


if __name__ == "__main__":
    main()
