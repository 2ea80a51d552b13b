"""Where RabbitMQ comes from: this machine's own, or Debian's packages unpacked in the clone."""

import contextlib
import os
import re
import shutil
from pathlib import Path

from deploy.local import debian
from deploy.local.debian import Say
from deploy.local.places import StackError, folder, packages_folder


def find_scripts() -> tuple[Path, Path | None] | None:
    """Find RabbitMQ's own start scripts and, when it is unpacked in the clone, the root of its packages.

    Debian's `rabbitmq-server` on the PATH is a wrapper that switches user and reads the system's settings,
    so the scripts behind it are used.
    """
    unpacked = packages_folder() / "rabbitmq-server"
    for root in (Path("/"), unpacked):
        for scripts in sorted(root.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin"), reverse=True):
            if root == unpacked or shutil.which("erl"):
                return scripts, (root if root == unpacked else None)
    on_path = shutil.which("rabbitmq-server")
    if on_path and (Path(on_path).resolve().parent / "rabbitmq-env").exists():
        return Path(on_path).resolve().parent, None
    return None


def obtain_scripts(say: Say) -> tuple[Path, Path | None]:
    """Find RabbitMQ, or fetch Debian's packages of it into the clone."""
    if (found := find_scripts()) is None:
        debian.unpacked("rabbitmq-server", why="RabbitMQ", say=say)
        found = find_scripts()
    if found is None:
        raise StackError("RabbitMQ was fetched but has no start script: install rabbitmq-server and try again.")
    return found


def version(scripts: Path) -> str:
    """Read RabbitMQ's version from the folder it lives in."""
    found = re.search(r"rabbitmq_server-([\w.]+)", str(scripts))
    return found.group(1) if found else "unknown version"


def erlang_environment(root: Path | None) -> dict[str, str]:
    """Give the variables that let an unpacked Erlang run from where it lies; few for an installed one."""
    base = {"LANG": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath)}
    if root is None:
        return base
    erlang = root / "usr/lib/erlang"
    binaries = next(erlang.glob("erts-*/bin"))
    # The packaged `erl` names /usr/lib/erlang; erlexec under that name obeys ROOTDIR instead.
    erl = folder(root / "carnet-bin") / "erl"
    with contextlib.suppress(FileExistsError):
        erl.symlink_to(Path("..") / binaries.relative_to(root) / "erlexec")
    return base | {
        "PATH": f"{erl.parent}:{binaries}:{base['PATH']}",
        "ROOTDIR": str(erlang),
        "BINDIR": str(binaries),
        "EMU": "beam",
        "PROGNAME": "erl",
        "LD_LIBRARY_PATH": ":".join(debian.libraries(root)),
    }
