"""The broker and the database as the compose file sets them up: run here natively, with the same words and secrets."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import yaml
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.containers import database
from deploy.containers.secrets import CA, database_url, new_installation
from deploy.local import mongodb, rabbitmq
from deploy.local.database_roles import ADMIN
from deploy.local.places import CLONE
from deploy.local.ports import assign
from deploy.local.processes import Program
from deploy.local.servers import Server
from deploy.local.users import SERVICES
from tests.integration.conftest import Launch

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

MODEL: dict[str, Any] = yaml.safe_load((CLONE / "deploy/compose.yaml").read_text())
Client = MongoClient[dict[str, Any]]


@dataclass(frozen=True)
class Host:
    """Two servers on this host, and the files that containers would find under /run/secrets."""

    folder: Path
    drawn: dict[str, bytes]
    ports: dict[str, int]

    def mounts(self, container: str) -> Path:
        """Write what compose mounts for a container, under the names it finds there, and give the folder."""
        place = self.folder / container
        place.mkdir(exist_ok=True)
        for each in MODEL["services"][container]["secrets"]:
            source, target = (each, each) if isinstance(each, str) else (each["source"], each["target"])
            (place / target).write_bytes(self.here(self.drawn[Path(MODEL["secrets"][source]["file"]).name], container))
            (place / target).chmod(0o400)
        return place

    def here(self, content: bytes, container: str) -> bytes:
        """Put this host's places and ports where a container's names stand in an address."""
        for name, port in (("rabbitmq:5671", self.ports["amqp"]), ("mongodb:27017", self.ports["mongo"])):
            content = content.replace(f"@{name}".encode(), f"@localhost:{port}".encode())
        return content.replace(quote(CA, safe="").encode(), quote(str(self.folder / container / "ca.pem")).encode())

    def admin(self) -> str:
        """Give the administrator's address."""
        password = json.loads(self.drawn["mongodb.passwords.json"])[ADMIN]
        url = database_url(ADMIN, password, options="directConnection=true")
        return self.here(url.encode(), "database-setup").decode()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Give both servers, running, and the database set up."""
    folder = tmp_path_factory.mktemp("host")
    drawn = {secret.name: secret.content for secret in new_installation(["localhost"])}
    here = Host(folder, drawn, assign(folder, [*rabbitmq.PORTS, "mongo"]))
    here.mounts("database-setup")
    servers: list[Server] = []
    try:
        _start_database(here, servers)
        _start_broker(here, servers)
        yield here
    finally:
        for server in reversed(servers):
            server.kill()
        shutil.rmtree(folder)


def _start_database(here: Host, servers: list[Server]) -> None:
    _, *words = MODEL["services"]["mongodb"]["command"]
    mounted = here.mounts("mongodb")
    words = [word.replace("/run/secrets", str(mounted)) for word in words if word != "--bind_ip_all"]
    plain = mongodb.program(here.folder, here.ports["mongo"], say=print, cache_gb=0.25)
    mongod, data = plain.argv[0], str(here.folder / "mongodb")
    argv = (mongod, "--dbpath", data, "--port", str(here.ports["mongo"]), "--bind_ip", "127.0.0.1", "--nounixsocket")

    def run(more: tuple[str, ...], check: Callable[[], bool]) -> Server:
        server = Server(Program("mongodb", argv + more, plain.env), here.folder, check)
        servers.append(server)
        server.start()
        return server

    # The image makes its administrator on a mongod of its own, before the real one starts.
    first = Client("127.0.0.1", here.ports["mongo"], directConnection=True, serverSelectionTimeoutMS=500)
    with first:
        alone = run((), lambda: _answers(first))
        roles = [{"role": "root", "db": "admin"}]
        first.admin.command("createUser", ADMIN, pwd=here.drawn["mongodb.admin"].decode(), roles=roles)
    alone.stop()
    with Client(here.admin(), serverSelectionTimeoutMS=500) as client, pytest.MonkeyPatch.context() as patch:
        run(tuple(words), lambda: _answers(client))
        patch.setattr(database, "PASSWORDS", here.folder / "database-setup" / "mongodb.passwords.json")
        patch.setattr(database, "MEMBER", f"localhost:{here.ports['mongo']}")
        patch.setenv("CARNET_ADMIN_URL", here.admin())
        database.main()
        database.main()  # the next start of everything


def _answers(client: Client) -> bool:
    try:
        return bool(client.admin.command("ping"))
    except PyMongoError:
        return False


def _start_broker(here: Host, servers: list[Server]) -> None:
    passwords = json.loads(here.drawn["broker-passwords.json"])
    epmd, broker = rabbitmq.programs(here.folder, here.ports, passwords, management=False, say=print)
    text = (CLONE / "deploy/containers/rabbitmq.conf").read_text()
    text = text.replace("/run/secrets", str(here.mounts("rabbitmq"))).replace(
        "= 5671", f"= 127.0.0.1:{here.ports['amqp']}"
    )
    (here.folder / "rabbitmq/rabbitmq.conf").write_text(text)
    log = here.folder / "logs/rabbitmq.log"
    for program, check in ((epmd, lambda: True), (broker, lambda: "Server startup complete" in log.read_text())):
        servers.append(Server(program, here.folder, check))
        servers[-1].start()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_starts_by_the_strict_rules(host: Host, launch: Launch, service: str):
    """With TLS and its own users, a service is ready by the rules that a demonstration relaxes, and stops with 0."""
    mounted = host.mounts(f"{service}-worker")
    port = assign(host.folder, [service])[service]
    settings = {
        "CARNET_SECURITY": "strict",
        "CARNET_AMQP_URL": (mounted / "carnet_amqp_url").read_text(),
        "CARNET_MONGO_URL": (mounted / "carnet_mongo_url").read_text(),
        "CARNET_DATABASE_SUFFIX": "",
        "CARNET_KEYS_DIR": str(mounted),
        "CARNET_ISSUER": "https://issuer.example",
        "CARNET_JWKS_URL": "https://issuer.example/jwks",
        "CARNET_INSURERS_FILE": str(CLONE / "deploy/local/insurers.json"),
        "CARNET_HTTP_PORT": str(port),
    }
    process = await launch(service, "worker", **settings)
    await _until_ready(port, process)
    process.terminate()
    assert await process.wait() == 0


async def _until_ready(port: int, process: Any) -> None:
    import asyncio

    async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as client:
        while process.returncode is None:
            try:
                if (await client.get(f"http://127.0.0.1:{port}/readyz")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    pytest.fail(f"it ended with {process.returncode}")


@pytest.mark.parametrize(
    ("service", "name", "act"),
    [
        ("notifications", "vault", {"insert": "keys", "documents": [{}]}),
        ("audit", "vault", {"delete": "keys", "deletes": [{"q": {}, "limit": 0}]}),
        ("ingest", "vault", {"delete": "keys", "deletes": [{"q": {}, "limit": 0}]}),
        ("ingest", "records", {"find": "accounts"}),
        ("records", "contents", {"insert": "documents", "documents": [{}]}),
        ("records", "audit", {"find": "log"}),
        ("records", "admin", {"usersInfo": 1}),
    ],
)
def test_the_database_refuses_what_a_role_forbids(host: Host, service: str, name: str, act: dict[str, Any]):
    """A service's user may read and write its own database; elsewhere it may do what its role names, no more."""
    url = (host.mounts(f"{service}-worker") / "carnet_mongo_url").read_text()
    with Client(url) as client, pytest.raises(OperationFailure, match="not authorized"):
        client[name].command(act)


def test_the_servers_speak_tls_only(host: Host):
    """Whoever connects without TLS gets no answer from either server."""
    with Client("localhost", host.ports["mongo"], directConnection=True, serverSelectionTimeoutMS=1500) as client:
        assert not _answers(client)
    assert not rabbitmq.speaks_amqp(host.ports["amqp"])
