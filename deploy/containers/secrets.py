"""Draws the secrets of an installation in containers: `python -m deploy.containers.secrets FOLDER HOST-NAME...`.

Compose mounts the files as they are, so each belongs to the user that reads it and to nobody else. Run as root, or
through `docker compose run --rm secrets`, which is.
"""

import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from deploy.containers.certificates import Pair, new_authority, new_server
from deploy.gateway.configuration import configuration
from deploy.local.credentials import KEY_BYTES, KEY_NAMES
from deploy.local.database_roles import ADMIN, DATABASE_USERS, ROLES
from deploy.local.definitions import definitions, topology_definitions
from deploy.local.users import SERVICES, broker_users
from deploy.local.witnesses import WITNESSES, log_key, policy

CARNET: Final = 10_001
"""The user of our own images."""
SERVERS: Final = 999
"""The user of the broker's and the database's images."""
GATEWAY: Final = 101
"""The user of nginx's image."""
ROOT: Final = 0
CA: Final = "/run/secrets/ca.pem"
"""Where each container finds the authority's certificate."""


class Secret(NamedTuple):
    """A file, the user that may read it and what it holds."""

    name: str
    owner: int
    content: bytes
    mode: int = 0o400


def main(folder: Path, hosts: Sequence[str]) -> None:
    """Draw the secrets of a new folder, and make again what follows from them: rights, topology, certificates.

    Stop at a folder that holds only a part of the secrets: new passwords would not fit the old database.
    """
    drawn = list(draw())
    there = [each.name for each in drawn if (folder / each.name).exists()]
    if there and len(there) < len(drawn):
        sys.exit(f"{folder} holds only some of the secrets: put the others back, or start with an empty folder.")
    folder.mkdir(parents=True, exist_ok=True)
    if not there:
        for each in drawn:
            _write(folder / each.name, each)
        print(f"{len(drawn)} secrets drawn into {folder}: keep a copy, what is sealed opens with `kek` only.")
    for each in derive({each.name: (folder / each.name).read_bytes() for each in drawn}, hosts):
        (folder / each.name).unlink(missing_ok=True)
        _write(folder / each.name, each)
    print("Rights, topology and certificates are up to date.")


def new_installation(hosts: Sequence[str]) -> list[Secret]:
    """Return everything that the containers of a new installation find under /run/secrets."""
    drawn = list(draw())
    return [*drawn, *derive({each.name: each.content for each in drawn}, hosts)]


def draw() -> Iterator[Secret]:
    """Yield what is drawn once in an installation's life."""
    for name in KEY_NAMES:
        yield Secret(name, CARNET, secrets.token_bytes(KEY_BYTES))
    for name in WITNESSES:
        yield Secret(f"witness-{name}.key", CARNET, secrets.token_bytes(KEY_BYTES))
    yield from _broker()
    yield from _database()
    authority = new_authority("Carnet installation")
    yield Secret("ca.pem", ROOT, authority.certificate, 0o444)
    yield Secret("ca.key", ROOT, authority.key)


def derive(drawn: Mapping[str, bytes], hosts: Sequence[str]) -> Iterator[Secret]:
    """Yield what follows from the secrets and this release; `hosts` are the names this host is called."""
    passwords = json.loads(drawn["broker-passwords.json"])
    yield Secret("definitions.json", SERVERS, json.dumps(definitions(passwords) | topology_definitions()).encode())
    witnesses = {name: drawn[f"witness-{name}.key"] for name in WITNESSES}
    yield Secret("policy", CARNET, policy(drawn["log"], witnesses).encode())
    yield Secret("witness-logs", CARNET, json.dumps([log_key(drawn["log"])]).encode())
    authority = Pair(drawn["ca.pem"], drawn["ca.key"])
    broker = new_server(authority, ["rabbitmq", *hosts])
    yield Secret("rabbitmq.pem", SERVERS, broker.certificate)
    yield Secret("rabbitmq.key", SERVERS, broker.key)
    database = new_server(authority, ["mongodb", "localhost", "127.0.0.1"])
    yield Secret("mongodb.pem", SERVERS, database.certificate + database.key)
    gateway = new_server(authority, ["localhost", *hosts])
    yield Secret("gateway.pem", GATEWAY, gateway.certificate)
    yield Secret("gateway.key", GATEWAY, gateway.key)
    yield Secret("nginx.conf", GATEWAY, configuration({}).encode())


def _broker() -> Iterator[Secret]:
    passwords = {user.name: secrets.token_urlsafe(24) for user in broker_users()}
    yield Secret("broker-passwords.json", ROOT, json.dumps(passwords, indent=1).encode())
    for service in SERVICES:
        url = f"amqps://{service}:{passwords[service]}@rabbitmq:5671/%2F?cafile={quote(CA, safe='')}"
        yield Secret(f"{service}.amqp-url", CARNET, url.encode())


def _database() -> Iterator[Secret]:
    passwords = {name: secrets.token_urlsafe(24) for name in DATABASE_USERS}
    yield Secret("mongodb.keyfile", SERVERS, secrets.token_urlsafe(384).replace("-", "+").replace("_", "/").encode())
    yield Secret("mongodb.admin", SERVERS, passwords[ADMIN].encode())
    yield Secret("mongodb.passwords.json", CARNET, json.dumps(passwords, indent=1).encode())
    for user in ROLES:
        yield Secret(f"{user}.mongo-url", CARNET, database_url(user, passwords[user]).encode())


def database_url(user: str, password: str, *, options: str = "replicaSet=carnet") -> str:
    """Return the address of the database for one of its users."""
    tls = f"tls=true&tlsCAFile={quote(CA, safe='')}"
    return f"mongodb://{user}:{password}@mongodb:27017/?authSource=admin&{options}&{tls}"


def _write(path: Path, secret: Secret) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(handle, "wb") as file:
        file.write(secret.content)
    os.chmod(path, secret.mode)  # noqa: PTH101 - the process's own mask may have taken more away
    os.chown(path, secret.owner, secret.owner)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
