"""Free TCP ports, remembered per clone so that two clones run side by side and an address stays the same."""

import json
import random
import socket
from collections.abc import Iterable
from pathlib import Path

from deploy.local.places import StackError, folder

LOOPBACK = "127.0.0.1"

# Below the range from which Linux takes the ports of outgoing connections (32768 and up).
LOWEST, HIGHEST = 20_000, 31_999


def is_free(port: int) -> bool:
    """Say whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def answers(port: int, *, timeout: float = 0.5) -> bool:
    """Say whether something accepts connections on this loopback port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=timeout).close()
    except OSError:
        return False
    return True


def remembered(home: Path) -> dict[str, int]:
    """Read the ports this folder used last time; empty on the first run."""
    try:
        return {str(name): int(port) for name, port in json.loads((home / "ports.json").read_text()).items()}
    except (OSError, ValueError, AttributeError):
        return {}


def free_port(taken: Iterable[int]) -> int:
    """Pick a port that nobody listens on and that is not in `taken`."""
    avoid = set(taken)
    for _ in range(500):
        port = random.randint(LOWEST, HIGHEST)  # noqa: S311 - a port is no secret
        if port not in avoid and is_free(port):
            return port
    raise StackError(f"No free TCP port between {LOWEST} and {HIGHEST}: stop some servers and try again.")


def assign(home: Path, names: Iterable[str]) -> dict[str, int]:
    """Give each name a port and write them down; a remembered port is kept unless somebody else has taken it."""
    ports = remembered(home)
    for name in names:
        if name not in ports or not is_free(ports[name]):
            ports[name] = free_port(ports.values())
    path = folder(home) / "ports.json"
    path.write_text(json.dumps(ports, indent=2, sort_keys=True) + "\n")
    return ports
