"""Who may do what on the broker: a user per service, one per insurer, one for the operator, as a table.

What a service publishes and takes is read from its AsyncAPI document, which a test keeps equal to the code: a service
that publishes a new type may do so as soon as its document says so, and no service may publish what another does.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.places import CLONE
from shared.messaging.topology import (
    EVENTS,
    EXCHANGES,
    FLOWS,
    LOGGED,
    STRAIGHT,
    UPSTREAM,
    dead_queue,
    feedback_queue,
    straight_key,
)

INSURERS_FILE = Path(__file__).with_name("insurers.json")

SERVICES = ("ingest", "records", "notifications", "audit")

EVERYTHING, NOTHING = ".*", "^$"

TOPIC_EXCHANGES = (
    "amq.topic",
    "amq.rabbitmq.trace",
    *(name for name, (kind, _) in EXCHANGES.items() if kind == "topic"),
)
"""Every topic exchange, the broker's own among them: where a user has no rule, it is open to all that user sends."""


@dataclass(frozen=True, slots=True)
class BrokerUser:
    """A broker user and its regular expressions: resources it may configure, write to and read from.

    `topics` maps a topic exchange to the routing keys this user may publish there; `others` holds for the rest.
    """

    name: str
    configure: str
    write: str
    read: str
    topics: Mapping[str, str] = field(default_factory=dict)
    others: str = NOTHING
    tags: str = ""


OPERATOR = BrokerUser("operator", EVERYTHING, EVERYTHING, EVERYTHING, others=EVERYTHING, tags="administrator")
"""Declares, imports definitions, empties queues by hand. No process of Carnet runs as this user."""


def exactly(names: Collection[str]) -> str:
    """Give the regular expression that these names match, and no other."""
    return f"^({'|'.join(map(re.escape, sorted(names)))})$" if names else NOTHING


def service_user(service: str) -> BrokerUser:
    """Give the rights of a service: publish its own types, take from its own queues, declare nothing.

    What the broker gave up delivering to a flow is the service's as well: its worker takes it up again, one by one.
    """
    document = json.loads((CLONE / "services" / service / "asyncapi.json").read_text(encoding="utf-8"))
    channels: dict[str, dict[str, list[str]]] = {"send": {}, "receive": {}}
    for operation in document["operations"].values():
        name = operation["channel"]["$ref"].rpartition("/")[2]
        channels[operation["action"]][name] = list(document["channels"][name]["messages"])
    topics = {name: exactly(types) for name, types in channels["send"].items() if name in TOPIC_EXCHANGES}
    sent = {name: set(types) for name, types in channels["send"].items()}
    told = [flow for flow in FLOWS if flow.exchange in (EVENTS, LOGGED)]
    fed = [flow for flow in told if flow.key == "#" or flow.key in sent.get(flow.exchange, ())]
    topics[STRAIGHT] = exactly([straight_key(service, flow) for flow in fed])
    queues = [*channels["receive"], *(dead_queue(flow) for flow in FLOWS if flow.queue in channels["receive"])]
    return BrokerUser(service, NOTHING, exactly(channels["send"]), exactly(queues), topics)


def insurers(path: Path = INSURERS_FILE) -> list[dict[str, Any]]:
    """Read the table of insurers: code, broker user, CloudEvents source, regime, name, caisses."""
    table: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return table


def insurer_user(code: str) -> BrokerUser:
    """Give the rights of an insurer: publish on `upstream`, read its own feedback queue, nothing else."""
    own, upstream = exactly([feedback_queue(code)]), exactly([UPSTREAM])
    return BrokerUser(f"insurer.{code}", NOTHING, upstream, own, {UPSTREAM: EVERYTHING})


def broker_users() -> tuple[BrokerUser, ...]:
    """List every user of the broker."""
    return (
        *map(service_user, SERVICES),
        OPERATOR,
        *(insurer_user(str(insurer["code"])) for insurer in insurers()),
    )


def permissions(users: Iterable[BrokerUser], host: str) -> list[dict[str, str]]:
    """Give each user's rights in a virtual host as RabbitMQ's definitions write them."""
    return [
        {"user": user.name, "vhost": host, "configure": user.configure, "write": user.write, "read": user.read}
        for user in users
    ]


def topic_permissions(users: Iterable[BrokerUser], host: str) -> list[dict[str, str]]:
    """Give a rule for each user and each topic exchange. Nobody binds by a pattern but the operator."""
    return [
        {
            "user": user.name,
            "vhost": host,
            "exchange": exchange,
            "write": user.topics.get(exchange, user.others),
            "read": user.others,
        }
        for user in users
        for exchange in TOPIC_EXCHANGES
    ]
