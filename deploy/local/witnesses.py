"""Who signs the log and who witnesses it: the names, the policy that knows their keys, and each witness's settings."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.local.credentials import KEY_BYTES, write_once
from deploy.local.places import folder
from deploy.local.ports import LOOPBACK
from shared.notes import NoteSigner
from verifier.notes import Kind

ORIGIN: Final = "audit.carnet.example"
"""The log's name, in every checkpoint."""

WITNESSES: Final = ("north", "south")
"""Here they run beside the log that they watch; a real one belongs to somebody else."""

POLICY: Final = "policy"


def witness_name(name: str) -> str:
    """Return the name under which a witness signs."""
    return f"{name}.witness.carnet.example"


def policy(log: bytes, witnesses: Mapping[str, bytes]) -> str:
    """Return the policy (C2SP tlog-policy) of a log and witnesses with these secrets: all of them have to sign."""
    lines = [f"log {log_key(log)}"]
    for name, secret in witnesses.items():
        lines.append(f"witness {name} {NoteSigner(witness_name(name), Kind.WITNESS, secret).key}")
    names = " ".join(witnesses)
    return "\n".join([*lines, f"group witnesses all {names}", "quorum witnesses"]) + "\n"


def log_key(secret: bytes) -> str:
    """Return the public key of the log (vkey)."""
    return str(NoteSigner(ORIGIN, Kind.LOG, secret).key)


def ensure_policy(home: Path, keys: Path) -> None:
    """Draw the witnesses' secrets and write the policy beside the log's, once."""
    drawn = {}
    for name in WITNESSES:
        own = folder(home / "witnesses" / name, mode=0o700)
        write_once(own / "key", secrets.token_bytes(KEY_BYTES), mode=0o400)
        drawn[name] = (own / "key").read_bytes()
    write_once(keys / POLICY, policy((keys / "log").read_bytes(), drawn).encode(), mode=0o444)


def witness_settings(home: Path, keys: Path, name: str, port: int) -> dict[str, str]:
    """Return the environment of a witness."""
    own = home / "witnesses" / name
    return {
        "CARNET_WITNESS_NAME": witness_name(name),
        "CARNET_WITNESS_KEY_FILE": str(own / "key"),
        "CARNET_WITNESS_LOGS": json.dumps([log_key((keys / "log").read_bytes())]),
        "CARNET_WITNESS_STORE": str(own / "seen.sqlite"),
        "CARNET_WITNESS_HTTP_PORT": str(port),
    }


def addresses(ports: Mapping[str, int]) -> str:
    """Return where the witnesses are asked, as audit's setting has it."""
    return json.dumps({name: f"http://{LOOPBACK}:{ports[f'witness.{name}']}" for name in WITNESSES})
