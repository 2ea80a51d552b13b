"""Who may do what on the broker: one user per service, one per insurer, one for the operator, as a table."""

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INSURERS_FILE = Path(__file__).with_name("insurers.json")

EVERYTHING, NOTHING = ".*", "^$"


@dataclass(frozen=True, slots=True)
class BrokerUser:
    """A broker user and its regular expressions: resources it may configure, write to and read from.

    `topics` maps an exchange to the routing keys this user may publish there.
    """

    name: str
    configure: str
    write: str
    read: str
    topics: Mapping[str, str]
    tags: str = ""


# Each service declares the whole topology when it starts, hence the wide rights; narrow them here only.
SERVICE_USERS: tuple[BrokerUser, ...] = (
    BrokerUser("ingest", EVERYTHING, EVERYTHING, EVERYTHING, {}),
    BrokerUser("records", EVERYTHING, EVERYTHING, EVERYTHING, {}),
    BrokerUser("notifications", EVERYTHING, EVERYTHING, EVERYTHING, {}),
    BrokerUser("audit", EVERYTHING, EVERYTHING, EVERYTHING, {}),
    BrokerUser("operator", EVERYTHING, EVERYTHING, EVERYTHING, {}, "administrator"),
)


def insurers(path: Path = INSURERS_FILE) -> list[dict[str, Any]]:
    """Read the table of insurers: code, broker user, CloudEvents source, regime, name, caisses."""
    table: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return table


def insurer_user(code: str) -> BrokerUser:
    """Give the rights of an insurer: publish on `upstream`, read its own feedback queue, nothing else."""
    own_queue = "^feedback\\." + code.replace(".", "\\.") + "$"
    return BrokerUser(f"insurer.{code}", NOTHING, "^upstream$", own_queue, {"upstream": EVERYTHING})


def broker_users() -> tuple[BrokerUser, ...]:
    """List every user of the broker."""
    return (*SERVICE_USERS, *(insurer_user(str(insurer["code"])) for insurer in insurers()))


def password_hash(password: str) -> str:
    """Hash a password as RabbitMQ stores it: base64 of a 4-byte salt and SHA-256 of salt and password."""
    salt = os.urandom(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def definitions(passwords: Mapping[str, str], *, vhosts: Iterable[str] = ("/",)) -> dict[str, Any]:
    """Build the definitions that RabbitMQ loads when it boots: virtual hosts, users and their rights."""
    users, hosts = broker_users(), tuple(vhosts)
    return {
        "vhosts": [{"name": host} for host in hosts],
        "users": [
            {
                "name": user.name,
                "password_hash": password_hash(passwords[user.name]),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": user.tags,
            }
            for user in users
        ],
        "permissions": [
            {
                "user": user.name,
                "vhost": host,
                "configure": user.configure,
                "write": user.write,
                "read": user.read,
            }
            for user in users
            for host in hosts
        ],
        "topic_permissions": [
            {"user": user.name, "vhost": host, "exchange": exchange, "write": keys, "read": NOTHING}
            for user in users
            for host in hosts
            for exchange, keys in user.topics.items()
        ],
    }
