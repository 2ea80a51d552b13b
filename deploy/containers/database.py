"""Makes of a new mongod what Carnet needs: a replica set of one, and a user per service with the rights of its role.

`python -m deploy.containers.database`; doing it again brings roles and passwords up to date and changes nothing else.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.containers.secrets import database_url
from deploy.local.database_roles import ADMIN, set_up

PASSWORDS: Final = Path("/run/secrets/mongodb.passwords.json")
MEMBER: Final = "mongodb:27017"
REPLICA_SET: Final = "carnet"
PRIMARY_SECONDS: Final = 60
_NOT_YET_INITIATED: Final = 94

Client = MongoClient[dict[str, Any]]


def main() -> None:
    """Set the database up, or end with a sentence."""
    passwords = json.loads(PASSWORDS.read_text())
    url = os.environ.get("CARNET_ADMIN_URL") or database_url(ADMIN, passwords[ADMIN], options="directConnection=true")
    try:
        with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=10_000) as client:
            make_primary(client, MEMBER)
            set_up(client, passwords)
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


if __name__ == "__main__":
    main()
