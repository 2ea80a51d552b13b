"""A private RabbitMQ node: own name, ports, data, cookie and epmd, on the loopback interface only."""

import json
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

from deploy.local.credentials import ensure_erlang_cookie
from deploy.local.debian import Say
from deploy.local.definitions import definitions, topology_definitions
from deploy.local.places import StackError, folder
from deploy.local.ports import LOOPBACK
from deploy.local.processes import Program
from deploy.local.rabbitmq_binaries import erlang_environment, obtain_scripts
from deploy.local.rabbitmq_trim import trimmed_scripts

PORTS = ("amqp", "dist", "epmd", "management")

# Valid for RabbitMQ 3.10 and 4.x. Sizes in bytes, the consumer's time to acknowledge in milliseconds.
CONFIGURATION = """\
listeners.tcp.1 = {host}:{port}
loopback_users = none
load_definitions = {definitions}
max_message_size = 16777216
heartbeat = 10
consumer_timeout = 1800000
disk_free_limit.absolute = 200MB
raft.wal_max_size_bytes = 67108864
log.console = true
log.console.level = info
"""

# Only where virtual hosts come and go (tests); its statistics cost more than they are worth.
MANAGEMENT = """\
management.tcp.ip = {host}
management.tcp.port = {port}
management_agent.disable_metrics_collector = true
"""

HEADER, METHOD_FRAME = b"AMQP\x00\x00\x09\x01", b"\x01"


def programs(
    home: Path,
    ports: Mapping[str, int],
    passwords: Mapping[str, str],
    *,
    management: bool,
    say: Say,
) -> tuple[Program, Program]:
    """Write the configuration and give the two programs: epmd, which must run first, and the broker."""
    scripts, root = obtain_scripts(say)
    node = folder(home / "rabbitmq")
    if any(character.isspace() for character in f"{scripts}{node}"):
        raise StackError(
            f"RabbitMQ's scripts do not run from a path with a space ({home}): move the clone, or set CARNET_HOME to "
            "a folder without one."
        )
    wanted = ("rabbit", "rabbitmq_prelaunch", *(("rabbitmq_management",) if management else ()))
    scripts = trimmed_scripts(scripts, folder(node / "server"), wanted=wanted)
    _write_configuration(node, ports, passwords, management=management)
    env = erlang_environment(root) | {"ERL_EPMD_PORT": str(ports["epmd"]), "ERL_EPMD_ADDRESS": LOOPBACK}
    epmd = shutil.which("epmd", path=env["PATH"]) or "epmd"
    return (
        Program("epmd", (epmd, "-port", str(ports["epmd"]), "-address", LOOPBACK), env),
        Program("rabbitmq", (str(scripts / "rabbitmq-server"),), env | _node_environment(node, ports), cwd=node),
    )


def _node_environment(node: Path, ports: Mapping[str, int]) -> dict[str, str]:
    return {
        "HOME": str(node),
        # With this, the script replaces itself by the Erlang machine: our child is the broker itself.
        "RUNNING_UNDER_SYSTEMD": "true",
        "RABBITMQ_NODENAME": "carnet@localhost",
        # Loading code is a ping-pong between two threads: a short spin halves the time to boot.
        "RABBITMQ_SCHEDULER_BUSY_WAIT_THRESHOLD": "very_short",
        "RABBITMQ_DIST_PORT": str(ports["dist"]),
        "RABBITMQ_MNESIA_BASE": str(folder(node / "data")),
        "RABBITMQ_LOG_BASE": str(folder(node / "log")),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_CONFIG_FILE": str(node / "rabbitmq.conf"),
        "RABBITMQ_CONFIG_FILES": str(folder(node / "conf.d") / "*.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(node / "advanced.config"),
        "RABBITMQ_CONF_ENV_FILE": str(node / "rabbitmq-env.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(node / "enabled_plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }


def _write_configuration(
    node: Path, ports: Mapping[str, int], passwords: Mapping[str, str], *, management: bool
) -> None:
    ensure_erlang_cookie(node)
    table = node / "definitions.json"
    table.touch(mode=0o600)
    table.write_text(json.dumps(definitions(passwords) | topology_definitions(), indent=1))
    http = ports["management"] if management else None
    text = configuration(host=LOOPBACK, port=ports["amqp"], table=str(table), management_port=http)
    (node / "rabbitmq.conf").write_text(text)
    (node / "advanced.config").write_text("[].\n")
    (node / "rabbitmq-env.conf").write_text("")
    (node / "enabled_plugins").write_text("[rabbitmq_management].\n" if management else "[].\n")


def configuration(*, host: str, port: int, table: str, management_port: int | None = None) -> str:
    """Give the text of rabbitmq.conf; `table` is the path of the definitions, as the broker sees it."""
    text = CONFIGURATION.format(host=host, port=port, definitions=table)
    return text + MANAGEMENT.format(host=host, port=management_port) if management_port else text


def speaks_amqp(port: int, *, timeout: float = 2.0) -> bool:
    """Say whether a broker answers the AMQP greeting; it listens only once users and rights are loaded."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout) as connection:
            connection.sendall(HEADER)
            return connection.recv(1) == METHOD_FRAME
    except OSError:
        return False
