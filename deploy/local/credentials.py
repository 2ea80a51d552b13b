"""Passwords and keys of one clone: random, made once, readable by their owner only, never committed."""

import base64
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from deploy.local.places import folder

KEY_BYTES = 32
KEY_NAMES = ("kek", "index", "log")


def ensure_keys(home: Path) -> Path:
    """Give the folder of the keys `kek` (wraps keys), `index` (blind index) and `log` (signs the log), 32 bytes each.

    Losing them makes every sealed box of this clone unreadable, so an existing key is never replaced.
    """
    keys = folder(home / "keys", mode=0o700)
    for name in KEY_NAMES:
        write_once(keys / name, secrets.token_bytes(KEY_BYTES), mode=0o400)
    return keys


def ensure_passwords(home: Path, users: Iterable[str]) -> dict[str, str]:
    """Give a password per user; a new user gets a new one, the others keep theirs."""
    path = folder(home) / "passwords.json"
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    missing = [user for user in users if user not in known]
    if missing:
        known.update({user: secrets.token_urlsafe(24) for user in missing})
        replace_secret(path, json.dumps(known, indent=2).encode(), mode=0o400)
    return known


def replace_secret(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file that never has other rights than these, nor half its content."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    write_once(fresh, content, mode=mode)
    fresh.replace(path)


def ensure_key_file(path: Path) -> Path:
    """Write the secret by which members of a replica set know one another, in mongod's own form."""
    folder(path.parent)
    write_once(path, base64.b64encode(secrets.token_bytes(512)), mode=0o400)
    return path


def ensure_erlang_cookie(folder_of_node: Path) -> None:
    """Write the secret that Erlang nodes share, where the node looks for it: its home folder."""
    write_once(folder_of_node / ".erlang.cookie", secrets.token_hex(20).encode(), mode=0o400)


def write_once(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file with these rights; one that is there already stays as it is."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return
    with os.fdopen(handle, "wb") as file:
        file.write(content)
