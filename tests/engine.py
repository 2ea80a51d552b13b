"""The stack from a Docker-compatible engine, where one answers: the same settings, users and rights."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local import mongodb, rabbitmq
from deploy.local.credentials import ensure_keys, ensure_passwords
from deploy.local.definitions import definitions, topology_definitions
from deploy.local.places import StackError, folder
from deploy.local.ports import LOOPBACK, answers, assign
from deploy.local.servers import START_SECONDS
from deploy.local.stack import Stack
from deploy.local.users import broker_users

RABBITMQ_IMAGE = os.environ.get("CARNET_RABBITMQ_IMAGE", "rabbitmq:4-management")
MONGODB_IMAGE = os.environ.get("CARNET_MONGODB_IMAGE", "mongo:8")

ANY = "0.0.0.0"


def engine_answers() -> bool:
    """Say whether a Docker-compatible engine can be asked to run containers."""
    if not (os.environ.get("DOCKER_HOST") or Path("/var/run/docker.sock").exists()):
        return False
    from testcontainers.core.docker_client import DockerClient

    try:
        DockerClient(timeout=5).client.ping()
    except Exception:  # noqa: BLE001 - whatever keeps it from answering, it does not answer
        return False
    return True


@dataclass(slots=True)
class ContainerServer:
    """A server in a container, on a fixed port of the host so that its address survives a restart."""

    container: Any
    check: Callable[[], bool]

    def start(self) -> None:
        """Start the container, or start it again, and wait until the server answers."""
        if self.container.get_wrapped_container() is None:
            self.container.start()
        else:
            self.container.get_wrapped_container().start()
        deadline = time.monotonic() + START_SECONDS
        while not self.check():
            if time.monotonic() > deadline:
                raise StackError(f"The container of {self.container.image} did not answer.")
            time.sleep(0.2)

    def kill(self) -> None:
        """Kill it (SIGKILL); its data stays."""
        self.container.get_wrapped_container().kill()

    def stop(self) -> None:
        """Remove it with its data."""
        self.container.stop()

    def ready(self) -> bool:
        """Say whether the server answers."""
        return self.check()


def start_containers(home: Path) -> Stack:
    """Start both servers in containers; raise whatever the engine raises."""
    passwords = ensure_passwords(home, [user.name for user in broker_users()])
    ports = assign(home, ["amqp", "management", "mongo"])
    broker = ContainerServer(
        _rabbitmq(home, passwords, ports),
        lambda: answers(ports["management"]) and rabbitmq.speaks_amqp(ports["amqp"]),
    )
    database = ContainerServer(_mongodb(ports["mongo"]), lambda: mongodb.make_primary(ports["mongo"]))
    try:
        broker.start()
        database.start()
    except BaseException:
        broker.stop()
        database.stop()
        raise
    return Stack(
        home,
        mongodb.url(ports["mongo"]),
        f"amqp://{LOOPBACK}:{ports['amqp']}/",
        passwords,
        ensure_keys(home),
        broker,
        database,
        f"http://{LOOPBACK}:{ports['management']}",
        origin="containers",
    )


def _rabbitmq(home: Path, passwords: dict[str, str], ports: dict[str, int]) -> Any:
    from testcontainers.core.container import DockerContainer

    settings = folder(home / "rabbitmq-settings")
    table = "/etc/carnet/definitions.json"
    (settings / "definitions.json").write_text(json.dumps(definitions(passwords) | topology_definitions()))
    (settings / "rabbitmq.conf").write_text(
        rabbitmq.configuration(host=ANY, port=5672, table=table, management_port=15672)
    )
    container = DockerContainer(RABBITMQ_IMAGE).with_volume_mapping(str(settings), "/etc/carnet", "ro")
    container = container.with_env("RABBITMQ_CONFIG_FILE", "/etc/carnet/rabbitmq.conf")
    return container.with_bind_ports(5672, ports["amqp"]).with_bind_ports(15672, ports["management"])


def _mongodb(port: int) -> Any:
    """Use the same port inside and outside: a replica set tells its clients the address it knows itself by."""
    from testcontainers.core.container import DockerContainer

    lifetime = f"transactionLifetimeLimitSeconds={mongodb.TRANSACTION_SECONDS}"
    command = f"--replSet {mongodb.REPLICA_SET} --port {port} --bind_ip_all --setParameter {lifetime}"
    return DockerContainer(MONGODB_IMAGE).with_command(command).with_bind_ports(port, port)
