"""A private nginx in front of the services' doors: from this machine, or Debian's package unpacked in the clone."""

import os
import re
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from deploy.gateway.configuration import configuration
from deploy.local import debian
from deploy.local.certificates import ensure_authority, ensure_certificate
from deploy.local.debian import Say
from deploy.local.places import StackError, folder, packages_folder
from deploy.local.ports import LOOPBACK
from deploy.local.processes import Program

NAME, OPERATORS = "gateway", "gateway.operators"
PORTS = (NAME, OPERATORS)

SERVICES = ("ingest", "records", "notifications", "audit")

# On this machine everybody comes from one address, a whole demonstration included.
RATES: Mapping[str, str] = {"client_rate": "5000", "token_rate": "5000", "guess_rate": "1000", "connections": "1000"}


def find_nginx() -> Path | None:
    """Find nginx: this machine's own, else the one unpacked in the clone."""
    on_path = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    unpacked = packages_folder() / "nginx" / "usr/sbin/nginx"
    return Path(on_path) if on_path else unpacked if unpacked.exists() else None


def version(nginx: Path) -> str:
    """Ask the binary for its version."""
    asked = subprocess.run([str(nginx), "-v"], capture_output=True, text=True, check=False, env=_environment())
    found = re.search(r"nginx/(\S+)", asked.stderr)
    return found.group(1) if found else "unknown version"


def program(
    home: Path, ports: Mapping[str, int], *, say: Say = print, settings: Mapping[str, str] | None = None
) -> Program:
    """Write the configuration and certificates and give the command; `settings` has the last word (tests)."""
    nginx = find_nginx()
    if nginx is None:
        debian.unpacked("nginx", why="the gateway nginx", say=say)
        nginx = find_nginx()
    if nginx is None:
        raise StackError("nginx was fetched but has no binary: install nginx and try again.")
    node, mine = folder(home / NAME), ensure_certificate(home, NAME)
    values = {
        "workers": "1",
        "folder": str(node),
        "listen": f"{LOOPBACK}:{ports[NAME]}",
        "operators_listen": f"{LOOPBACK}:{ports[OPERATORS]}",
        "certificate": str(mine.certificate),
        "key": str(mine.key),
        "client_ca": str(ensure_authority(home).certificate),
        **{service: f"{LOOPBACK}:{ports[f'{service}.api']}" for service in SERVICES},
        **RATES,
        **(settings or {}),
    }
    file = node / "nginx.conf"
    file.write_text(configuration(values), encoding="utf-8")
    argv = (str(nginx), "-p", str(node), "-e", "stderr", "-c", str(file))
    return Program(NAME, argv, _environment(), cwd=node)


def _environment() -> dict[str, str]:
    """Give what an unpacked nginx needs: the libraries that came with it, if any did."""
    found = debian.libraries(packages_folder() / "nginx")
    base = {"LANG": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath)}
    return base | ({"LD_LIBRARY_PATH": ":".join(found)} if found else {})


def url(ports: Mapping[str, int], name: str = NAME) -> str:
    """Give the address of everybody's door, or of the operators'."""
    return f"https://{LOOPBACK}:{ports[name]}"


def is_ready(home: Path, port: int) -> bool:
    """Say whether the gateway on this port answers over TLS with a certificate of this clone's authority."""
    authority = home / "tls" / "ca.pem"
    try:
        trusts = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(authority)))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trusts)
        with opener.open(f"https://{LOOPBACK}:{port}/livez", timeout=2) as answer:
            return bool(answer.status == 204)
    except (OSError, urllib.error.URLError, ValueError):
        return False
