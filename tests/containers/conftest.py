"""The services as images and containers, started through the Docker API as an orchestrator would."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.credentials import KEY_NAMES
from deploy.local.places import CLONE
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.roles import ALL, Role, is_ready
from deploy.local.stack import Stack
from deploy.local.vhosts import create_vhost, delete_vhost, load_topology
from deploy.local.witnesses import POLICY, log_key
from tests.containers.podman import IMAGES, SERVICES, Podman, missing, private_podman

USER = 10_001
TIER = "containers"
READY_SECONDS = 120


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Podman]:
    """Give a podman of this run; skip where nobody asked for it or nothing can be built."""
    if TIER not in request.config.getoption("tier"):
        pytest.skip("takes minutes: ask for it with `./carnet test containers`")
    if reason := missing():
        pytest.skip(reason)
    with private_podman(tmp_path_factory.mktemp("podman")) as private:
        yield private


@pytest.fixture(scope="session")
def images(podman: Podman) -> dict[str, str]:
    """Give the image of each service."""
    return {service: podman.build(service) for service in IMAGES}


@dataclass(slots=True)
class Fleet:
    """Every role in a container of its own, on an empty virtual host and databases of their own."""

    stack: Stack
    home: Path
    images: dict[str, str]
    vhost: str
    issuer: int
    suffix: str = "_containers"
    containers: dict[str, Any] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    def start(self, role: Role) -> None:
        """Start a role as the compose file does: no rights, nothing writable but its data and /tmp."""
        from testcontainers.core.container import DockerContainer

        service, word = role.name.split(".")
        self.ports[role.name] = free_port(self.ports.values())
        container = DockerContainer(self.images[service]).with_command(word).with_envs(**self._settings(role))
        container = container.with_volume_mapping(str(self._secrets(role)), "/run/secrets", "ro")
        container = container.with_volume_mapping(str(self._owned(self.home / "data")), "/var/lib/carnet", "rw")
        container = container.with_tmpfs_mount("/tmp", "size=64m")  # noqa: S108 - the container's own
        container = container.with_kwargs(
            network_mode="host",
            init=True,
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
        )
        self.containers[role.name] = container.start()

    def _settings(self, role: Role) -> dict[str, str]:
        return {
            "CARNET_SECURITY": "relaxed",  # the native stack speaks plainly, on the loopback interface
            "CARNET_DATABASE_SUFFIX": self.suffix,
            "CARNET_JWKS_URL": f"http://{LOOPBACK}:{self.issuer}/jwks",
            "CARNET_HTTP_HOST": LOOPBACK,
            "CARNET_HTTP_PORT": str(self.ports[role.name]),
            "CARNET_EVERY": "PT0.5S",
            "CARNET_CAMPAIGN_EVERY_S": "0.5",
        }

    def _secrets(self, role: Role) -> Path:
        place = self._owned(self.home / "secrets" / role.name)
        files = {name: (self.stack.keys_dir / name).read_bytes() for name in KEY_NAMES}
        files[POLICY] = f"log {log_key(files['log'])}\nquorum none\n".encode()  # witnesses have no container here
        files["carnet_amqp_url"] = self.stack.amqp_url(role.user or "", self.vhost).encode()
        files["carnet_mongo_url"] = self.stack.mongo_url.encode()
        for name, content in files.items():
            (place / name).write_bytes(content)
            (place / name).chmod(0o400)
            os.chown(place / name, USER, USER)
        return place

    @staticmethod
    def _owned(place: Path) -> Path:
        place.mkdir(parents=True, exist_ok=True)
        os.chown(place, USER, USER)
        return place

    def wait_until_ready(self, role: Role) -> None:
        """Wait for a role's own word that it can work."""
        deadline = time.monotonic() + READY_SECONDS
        while not is_ready(self.ports[role.name], role.ready):
            assert time.monotonic() < deadline, f"{role.name} is not ready:\n{self.log(role.name)}"
            time.sleep(0.3)

    def log(self, name: str) -> str:
        """Give the end of what a role wrote."""
        return str(self.containers[name].get_wrapped_container().logs(tail=30).decode())

    def door(self, name: str) -> str:
        """Give the address of a role."""
        return f"http://{LOOPBACK}:{self.ports[name]}"


CONTAINED = tuple(role for role in ALL if role.name.split(".")[0] in SERVICES)


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Give the port of a token issuer, which is no part of the system and runs outside."""
    port = free_port(())
    settings = {"CARNET_HOME": str(tmp_path_factory.mktemp("issuer")), "CARNET_HTTP_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "simulator.issuer"], cwd=CLONE, env={**os.environ, **settings})
    yield port
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="session")
def fleet(
    images: dict[str, str], podman: Podman, stack: Stack, issuer: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """Give every role of every service in a container, ready."""
    vhost = f"containers-{uuid4().hex[:8]}"
    create_vhost(stack, vhost)
    load_topology(stack, vhost)
    with podman.serving(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", podman.socket)
        # Read when testcontainers is first imported: its sweeper is an image that cannot be fetched everywhere.
        patch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
        patch.setenv("TESTCONTAINERS_CONNECTION_MODE", "docker_host")
        running = Fleet(stack, tmp_path_factory.mktemp("fleet"), images, vhost, issuer)
        try:
            for role in CONTAINED:
                running.start(role)
            for role in CONTAINED:
                running.wait_until_ready(role)
            yield running
        finally:
            for container in running.containers.values():
                container.stop()
    delete_vhost(stack, vhost)


@pytest.fixture
def until() -> Callable[..., Any]:
    """Give what waits for something that containers make true, by asking again and again."""

    async def wait(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s"
            await asyncio.sleep(0.3)
        return found

    return wait
