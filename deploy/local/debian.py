"""Debian packages unpacked under the clone, without root and without installing anything."""

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.local.places import StackError, folder, packages_folder

Say = Callable[[str], None]

# Named by rabbitmq-server's dependencies but of no use to a private node.
UNNEEDED = ("adduser", "cron", "libpopt", "libpython3", "libwrap", "logrotate", "passwd", "python3", "socat")


def unpacked(package: str, *, why: str, say: Say) -> Path:
    """Give the folder that holds a package and everything it needs that this machine lacks; fetch it once.

    The packages come from the machine's own apt sources and apt checks their signatures.
    """
    target = packages_folder() / package
    folder(target.parent)
    with (target.parent / f"{package}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two commands of one clone may come here together
        if not target.exists():
            if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
                raise StackError(f"{why} is missing and this system has no apt to fetch it: install {package}.")
            say(f"Fetching {why} (Debian package {package}, unpacked under {target.parent}) ...")
            _fetch(package, target)
    return target


def libraries(root: Path) -> list[str]:
    """List the folders of shared libraries inside an unpacked package."""
    found = {str(each.parent) for each in root.glob("**/lib/*-linux-gnu*/*.so*")}
    return sorted(found)


def _fetch(package: str, target: Path) -> None:
    work = target.with_name(f"{package}.partial")
    shutil.rmtree(work, ignore_errors=True)
    folder(work)
    _download(package, work, target.parent / "lists")
    for deb in sorted(work.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(deb), str(work / "root")], work, f"unpack {deb.name}")
    (work / "root").rename(target)
    shutil.rmtree(work, ignore_errors=True)


def _download(package: str, work: Path, lists: Path) -> None:
    """Download by the machine's own package lists; where these are absent or too old, by lists of the clone."""
    own = ["-o", f"Dir::State::lists={folder(lists)}"]
    for options in ([], own):
        with contextlib.suppress(StackError):
            return _download_listed(package, work, options)
    folder(lists / "partial")
    _apt(["update", "-qq", *own], work)
    return _download_listed(package, work, own)


def _download_listed(package: str, work: Path, options: Sequence[str]) -> None:
    plan = _apt(["install", "--simulate", "--reinstall", "--no-install-recommends", *options, package], work)
    names = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    wanted = [name for name in names if not name.startswith(UNNEEDED)]
    if not wanted:
        raise StackError(f"apt knows no package {package}: check the apt sources, or install it by hand.")
    _apt(["download", "-qq", *options, *wanted], work)


def _apt(arguments: Sequence[str], work: Path) -> str:
    private = ["-o", f"Dir::Cache={folder(work / 'cache')}", "-o", "Debug::NoLocking=1"]
    if os.geteuid() == 0:
        private += ["-o", "APT::Sandbox::User=root"]  # apt's own user may not enter the clone
    folder(work / "cache" / "archives" / "partial")
    return _run(["apt-get", *private, *arguments], work, f"run apt-get {arguments[0]}")


def _run(argv: Sequence[str], work: Path, what: str) -> str:
    env = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(argv, cwd=work, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise StackError(f"Could not {what}: {reason}\nCheck the network and the apt sources, then retry.")
    return done.stdout
