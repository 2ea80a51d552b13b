"""A private mongod: a replica set of one (transactions need one), journaled, on the loopback only, with users."""

import contextlib
import os
import platform
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from deploy.local import debian
from deploy.local.credentials import ensure_key_file
from deploy.local.database_roles import ADMIN
from deploy.local.debian import Say
from deploy.local.places import StackError, folder, packages_folder
from deploy.local.ports import LOOPBACK
from deploy.local.processes import Program

if TYPE_CHECKING:
    from pymongo import MongoClient

REPLICA_SET = "carnet"

# A killed worker's locks hold its siblings up for as long as a transaction may live.
TRANSACTION_SECONDS = 5

NOT_YET_INITIATED, UNAUTHORIZED, AUTHENTICATION_FAILED = 94, 13, 18


def find_mongod() -> Path | None:
    """Find mongod: on the PATH, else in the wheel that the hashed pins install (x86-64 Linux only)."""
    if on_path := shutil.which("mongod"):
        return Path(on_path)
    from_wheel = Path(sysconfig.get_paths()["platlib"]) / "fiftyone/db/bin/mongod"
    return from_wheel if from_wheel.exists() else None


def missing_libraries(mongod: Path, *, env: dict[str, str] | None = None) -> list[str]:
    """List the shared libraries that mongod needs and this machine does not find."""
    if not shutil.which("ldd"):
        return []
    asked = subprocess.run(["ldd", str(mongod)], capture_output=True, text=True, check=False, env=env)
    return re.findall(r"(\S+) => not found", asked.stdout)


def environment(mongod: Path, say: Say) -> dict[str, str]:
    """Give mongod's environment; when libcurl is missing, unpack Debian's package of it in the clone."""
    env = {"LANG": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath)}
    if not missing_libraries(mongod):
        return env
    root = debian.unpacked("libcurl4", why="the library libcurl that mongod needs", say=say)
    env["LD_LIBRARY_PATH"] = ":".join(debian.libraries(root))
    if lacking := missing_libraries(mongod, env=env):
        raise StackError(f"mongod ({mongod}) needs {', '.join(lacking)}; install the package that holds it.")
    return env


def program(home: Path, port: int, *, say: Say, cache_gb: float = 0.5, failpoints: bool = False) -> Program:
    """Give the command that runs mongod on this folder's data; `failpoints` lets its administrator have it fail."""
    mongod = find_mongod()
    if mongod is None:
        raise StackError(
            f"MongoDB was not found (a ready mongod exists for x86-64 Linux only, this is {platform.machine()}). "
            "Put mongod on the PATH, or give addresses in CARNET_MONGO_URL and CARNET_AMQP_URL."
        )
    options = {
        "dbpath": str(folder(home / "mongodb")),
        "port": str(port),
        "bind_ip": LOOPBACK,
        "replSet": REPLICA_SET,
        "wiredTigerCacheSizeGB": str(cache_gb),
        "oplogSize": "990",
        # Members of a replica set know one another by it; it also makes mongod ask everybody who they are.
        "keyFile": str(ensure_key_file(home / "mongodb.key")),
    }
    settings = {
        "transactionLifetimeLimitSeconds": str(TRANSACTION_SECONDS),
        "diagnosticDataCollectionEnabled": "false",
        **({"enableTestCommands": "1"} if failpoints else {}),
    }
    argv = [str(mongod), "--nounixsocket", "--noscripting"]
    argv += [word for name, value in options.items() for word in (f"--{name}", value)]
    argv += [word for name, value in settings.items() for word in ("--setParameter", f"{name}={value}")]
    return Program("mongodb", tuple(argv), environment(mongod, say))


def url(port: int, user: str = "", password: str = "") -> str:
    """Give the address that a driver needs, for a user or, where nobody is asked, for none."""
    login, source = (f"{quote(user)}:{quote(password)}@", f"authSource={ADMIN}&") if user else ("", "")
    return f"mongodb://{login}{LOOPBACK}:{port}/?{source}replicaSet={REPLICA_SET}"


def version(mongod: Path) -> str:
    """Ask the binary for its version."""
    env = {"LD_LIBRARY_PATH": ":".join(debian.libraries(packages_folder() / "libcurl4"))}
    asked = subprocess.run([str(mongod), "--version"], capture_output=True, text=True, check=False, env=env)
    found = re.search(r"db version v(\S+)", asked.stdout)
    return found.group(1) if found else "unknown version"


def make_primary(port: int, password: str | None = None) -> bool:
    """Initiate a new replica set, adapt one whose port changed; say whether it accepts writes now.

    With `password`, that of the administrator, who is made on the first start: until then mongod lets whoever
    connects from this machine initiate it and make the first user, and nothing else.
    """
    from pymongo.errors import OperationFailure, PyMongoError

    login = {"username": ADMIN, "password": password} if password else {}
    with contextlib.suppress(PyMongoError):
        try:
            with connect(port, **login) as client:
                client.admin.command("connectionStatus")  # hello alone asks nobody for a password
                if client.admin.command("hello").get("isWritablePrimary"):
                    return True
                _configure(client, f"{LOOPBACK}:{port}")
        except OperationFailure as error:
            if error.code != AUTHENTICATION_FAILED:
                raise
            _begin(port, str(password))
    return False


def connect(port: int, **login: Any) -> "MongoClient[dict[str, Any]]":
    """Connect to this very server, whatever its state."""
    from pymongo import MongoClient  # not at the top: it takes longer to load than most commands to run

    return MongoClient(
        LOOPBACK,
        port,
        directConnection=True,
        serverSelectionTimeoutMS=500,
        connectTimeoutMS=500,
        socketTimeoutMS=3000,
        **login,
    )


def _begin(port: int, password: str) -> None:
    """Do the next step of a first start: initiate, or, once that is done, make the administrator."""
    from pymongo.errors import OperationFailure

    with connect(port) as client:
        if not client.admin.command("hello").get("isWritablePrimary"):
            _initiate(client, f"{LOOPBACK}:{port}")
            return
        root: dict[str, Any] = {"roles": ["root"], "mechanisms": ["SCRAM-SHA-256"]}
        try:
            client.admin.command("createUser", ADMIN, pwd=password, **root)
        except OperationFailure as error:
            if error.code != UNAUTHORIZED:
                raise
            raise StackError(
                "The database has an administrator whose password is not the one in passwords.json: put the right "
                "file back, or delete the database's folder."
            ) from error


def _initiate(client: "MongoClient[dict[str, Any]]", member: str) -> None:
    settings = {"electionTimeoutMillis": 1000}
    fresh = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": member}], "settings": settings}
    client.admin.command("replSetInitiate", fresh)


def _configure(client: "MongoClient[dict[str, Any]]", member: str) -> None:
    from pymongo.errors import OperationFailure

    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != NOT_YET_INITIATED:
            raise
        _initiate(client, member)
        return
    if config["members"][0]["host"] != member:
        config["members"][0]["host"] = member
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)
