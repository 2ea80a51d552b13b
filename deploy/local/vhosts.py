"""Fresh virtual hosts on a running broker, with the same users and rights, for tests that must not meet."""

import base64
import json
import urllib.request
from typing import Any
from urllib.parse import quote

from deploy.local.definitions import definitions, topology_definitions
from deploy.local.places import StackError
from deploy.local.stack import Stack


def create_vhost(stack: Stack, name: str) -> None:
    """Make an empty virtual host in which every user has its usual rights."""
    rights = definitions(stack.passwords, vhosts=(name,))
    _call(stack, "POST", "definitions", {**rights, "users": []})


def load_topology(stack: Stack, vhost: str) -> None:
    """Declare every exchange, queue and binding in a virtual host, as the broker's own start does in the first one."""
    _call(stack, "POST", "definitions", topology_definitions(vhost=vhost))


def delete_vhost(stack: Stack, name: str) -> None:
    """Delete a virtual host with its queues and messages."""
    _call(stack, "DELETE", f"vhosts/{quote(name, safe='')}")


def _call(stack: Stack, method: str, path: str, body: dict[str, Any] | None = None) -> None:
    if stack.management_url is None:
        raise StackError("This broker has no management interface: set CARNET_MANAGEMENT_URL to its address.")
    login = base64.b64encode(f"operator:{stack.passwords['operator']}".encode()).decode()
    request = urllib.request.Request(  # noqa: S310 - the address is ours
        f"{stack.management_url}/api/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Basic {login}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass
