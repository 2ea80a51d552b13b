"""Carnet's own processes as a table: what runs, under which broker user, on which port, and when it is ready."""

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local.places import CLONE
from deploy.local.ports import LOOPBACK
from deploy.local.processes import Program
from deploy.local.stack import Stack
from deploy.local.users import INSURERS_FILE
from deploy.local.witnesses import WITNESSES, addresses, witness_settings


@dataclass(frozen=True, slots=True)
class Role:
    """One process: its name is also the name of its port, its log and its record."""

    name: str
    argv: tuple[str, ...]
    user: str | None = None
    ready: str = "/readyz"
    removes: str | None = None
    """The database's user by whom it removes what its own user may not."""


def _service(service: str, role: str, *, removes: str | None = None) -> Role:
    return Role(f"{service}.{role}", ("-m", f"services.{service}", role), service, removes=removes)


ROLES: tuple[Role, ...] = (
    Role("issuer", ("-m", "simulator.issuer"), ready="/jwks"),
    _service("ingest", "worker"),
    _service("ingest", "api"),
    _service("records", "worker"),
    _service("records", "api"),
    _service("notifications", "worker"),
    _service("notifications", "api"),
    _service("audit", "worker"),
    _service("audit", "api"),
)

JOBS: tuple[Role, ...] = (
    _service("records", "jobs", removes="gc"),
    _service("notifications", "jobs"),
    _service("audit", "jobs", removes="eraser"),
    *(Role(f"witness.{name}", ("-m", "services.witness", "api")) for name in WITNESSES),
)
"""What time starts: the campaign asks for notices, letters go to ``print/lots``, delays end, the log is signed."""

ALL: tuple[Role, ...] = ROLES + JOBS


def role_program(
    role: Role,
    stack: Stack,
    ports: Mapping[str, int],
    *,
    vhost: str = "/",
    settings: Mapping[str, str] | None = None,
) -> Program:
    """Give the command and the whole environment of one process, `settings` having the last word.

    The operator's own CARNET_ variables (CARNET_LOG_LEVEL, CARNET_PRODUCTION, ...) are handed on; addresses
    and keys are the stack's.
    """
    env = {name: value for name, value in os.environ.items() if name.startswith("CARNET_")}
    env |= {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(CLONE),
        "PYTHONUNBUFFERED": "1",
        "CARNET_SECURITY": "relaxed",
        "CARNET_HOME": str(stack.home),
        "CARNET_KEYS_DIR": str(stack.keys_dir),
        "CARNET_JWKS_URL": f"http://{LOOPBACK}:{ports['issuer']}/jwks",
        "CARNET_USERINFO_URL": f"http://{LOOPBACK}:{ports['issuer']}/userinfo",
        "CARNET_INSURERS_FILE": str(INSURERS_FILE),
        "CARNET_HTTP_HOST": LOOPBACK,
        "CARNET_HTTP_PORT": str(ports[role.name]),
    }
    for address in ("CARNET_AMQP_URL", "CARNET_MONGO_URL", "CARNET_GC_MONGO_URL"):
        env.pop(address, None)
    if role.user is not None:
        env["CARNET_AMQP_URL"] = stack.amqp_url(role.user, vhost)
        env["CARNET_MONGO_URL"] = stack.database_url(role.user)
    if role.removes is not None:
        env["CARNET_GC_MONGO_URL"] = stack.database_url(role.removes)
    env |= _of_the_log(role, stack, ports)
    return Program(role.name, (sys.executable, *role.argv), env | dict(settings or {}), CLONE)


def _of_the_log(role: Role, stack: Stack, ports: Mapping[str, int]) -> dict[str, str]:
    """Return what only the log's signer and its witnesses are told."""
    service, _, name = role.name.partition(".")
    if service == "witness":
        return witness_settings(stack.home, stack.keys_dir, name, ports[role.name])
    return {"CARNET_WITNESSES": addresses(ports)} if role.argv[1:] == ("services.audit", "jobs") else {}


def is_ready(port: int, path: str, *, timeout: float = 2.0) -> bool:
    """Say whether the process on this port answers its readiness door with success."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{LOOPBACK}:{port}{path}", timeout=timeout) as answer:
            return bool(200 <= answer.status < 300)
    except (OSError, urllib.error.URLError, ValueError):
        return False
