"""What RabbitMQ loads when it boots: users, their rights, and the whole topology, so that no service declares any."""

import base64
import hashlib
import os
from collections.abc import Iterable, Mapping
from typing import Any

from deploy.local.users import broker_users, insurers, permissions, topic_permissions
from shared.messaging.topology import (
    DEAD,
    DEAD_ARGUMENTS,
    EXCHANGES,
    FEEDBACK,
    FEEDBACK_ARGUMENTS,
    Arguments,
    Topology,
    bindings,
    dead_queue,
    feedback_queue,
    queue_arguments,
)


def definitions(passwords: Mapping[str, str], *, vhosts: Iterable[str] = ("/",)) -> dict[str, Any]:
    """Build the definitions of users and rights in these virtual hosts; `passwords` has one per user."""
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
        "permissions": [right for host in hosts for right in permissions(users, host)],
        "topic_permissions": [rule for host in hosts for rule in topic_permissions(users, host)],
    }


def topology_definitions(topology: Topology | None = None, *, vhost: str = "/") -> dict[str, Any]:
    """Build the definitions of every exchange, queue and binding, the same as `shared.messaging.amqp.declare` makes.

    Loading them again changes nothing; what they no longer name stays.
    """
    whole = topology or Topology(insurers=tuple(str(insurer["code"]) for insurer in insurers()))
    queues = {dead_queue(flow): DEAD_ARGUMENTS for flow in whole.flows}
    queues |= {flow.queue: queue_arguments(flow) for flow in whole.flows}
    queues |= {feedback_queue(insurer): FEEDBACK_ARGUMENTS for insurer in whole.insurers}
    routes = [(DEAD, dead_queue(flow), dead_queue(flow)) for flow in whole.flows]
    routes += [(exchange, flow.queue, key) for flow in whole.flows for exchange, key in bindings(flow)]
    routes += [(FEEDBACK, feedback_queue(insurer), insurer) for insurer in whole.insurers]
    return {
        "exchanges": [_exchange(vhost, name, kind, arguments) for name, (kind, arguments) in EXCHANGES.items()],
        "queues": [_queue(vhost, name, arguments) for name, arguments in queues.items()],
        "bindings": [_binding(vhost, *binding) for binding in routes],
    }


def password_hash(password: str) -> str:
    """Hash a password as RabbitMQ stores it: base64 of a 4-byte salt and SHA-256 of salt and password."""
    salt = os.urandom(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _exchange(vhost: str, name: str, kind: str, arguments: Arguments) -> dict[str, Any]:
    return {"vhost": vhost, "name": name, "type": kind, "arguments": arguments, **_LASTING, "internal": False}


def _queue(vhost: str, name: str, arguments: Arguments) -> dict[str, Any]:
    return {"vhost": vhost, "name": name, "arguments": arguments, **_LASTING}


def _binding(vhost: str, source: str, queue: str, key: str) -> dict[str, Any]:
    target = {"destination": queue, "destination_type": "queue"}
    return {"vhost": vhost, "source": source, **target, "routing_key": key, "arguments": {}}


_LASTING = {"durable": True, "auto_delete": False}
