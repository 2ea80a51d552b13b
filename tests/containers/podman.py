"""A podman of one test run: own storage, own socket, and a base image made from Debian's packages."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.places import CLONE, default_home, folder

BASE = "localhost/carnet-base"
SERVICES = ("ingest", "records", "notifications", "audit")
IMAGES = (*SERVICES, "witness")
TOOLS = ("podman", "debootstrap", "runc", "catatonit")
PACKAGES = "podman buildah debootstrap runc catatonit netavark iptables"
MACHINE_SETTINGS = ("etc/ssl/certs/ca-certificates.crt", "etc/pip.conf")
"""What pip needs to reach packages from this machine: it belongs into no image but the base made here."""

# Equal limits: podman 4.3 swaps soft and hard where its API is asked. runc: crun refuses hybrid control groups.
SETTINGS = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_config_dir = "{networks}"
"""


def missing() -> str:
    """Say what keeps this machine from building images, as a sentence; nothing if it can."""
    lacking = [tool for tool in TOOLS if not (shutil.which(tool) or Path("/usr/libexec/podman", tool).exists())]
    if os.geteuid():
        return "images are built as root here, and this is not root"
    if lacking:
        return f"{', '.join(lacking)} missing: apt-get install --no-install-recommends {PACKAGES}"
    return ""


@dataclass(frozen=True, slots=True)
class Podman:
    """One private installation of podman."""

    home: Path

    @property
    def socket(self) -> str:
        """Where the Docker-compatible API listens."""
        return f"unix://{self.home / 'podman.sock'}"

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "CONTAINERS_CONF": str(self.home / "containers.conf")}

    def _command(self, arguments: Sequence[str]) -> list[str]:
        places = ["--root", str(self.home / "storage"), "--runroot", str(self.home / "run")]
        return ["podman", *places, *arguments]

    def run(self, *arguments: str) -> str:
        """Run a podman command and return what it writes; raise `CalledProcessError` with its words."""
        command = self._command(arguments)
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stdout, done.stderr)  # noqa: T201 - pytest shows it with the failure
        done.check_returncode()
        return done.stdout.strip()

    def build(self, service: str) -> str:
        """Build a service's image as the Dockerfile says and return its name."""
        image = f"localhost/carnet-{service or 'nothing'}"
        arguments = ["--build-arg", f"BASE={BASE}", "--build-arg", f"SERVICE={service}", "--tag", image]
        place = ["--file", str(CLONE / "deploy/Dockerfile"), str(CLONE)]
        # OCI's own format has no health check.
        self.run("build", "--quiet", "--format", "docker", "--network", "host", *arguments, *place)
        return image

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Answer the Docker API on the socket while the block runs."""
        command = self._command(["system", "service", "--time", "0", self.socket])
        with (self.home / "service.log").open("w") as log:
            service = subprocess.Popen(command, env=self._environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            while not (self.home / "podman.sock").exists():
                assert service.poll() is None, (self.home / "service.log").read_text()
                time.sleep(0.05)
            yield
        finally:
            service.terminate()
            service.wait(30)


@contextlib.contextmanager
def private_podman(home: Path) -> Iterator[Podman]:
    """Give a podman with the base image; afterwards nothing of it is left but the base's archive."""
    podman = Podman(folder(home))
    (home / "containers.conf").write_text(SETTINGS.format(networks=folder(home / "networks")))
    try:
        podman.run("import", str(base_archive()), BASE)
        yield podman
    finally:
        podman.run("rm", "--all", "--force", "--time", "0")
        podman.run("rmi", "--all", "--force")
        for monitor in _monitors(home):
            with contextlib.suppress(ProcessLookupError):
                os.kill(monitor, signal.SIGKILL)
        mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for place in reversed([each for each in mounted if Path(each).is_relative_to(home)]):
            subprocess.run(["umount", place], check=False)
        shutil.rmtree(home)


def _monitors(home: Path) -> Iterator[int]:
    """Yield the processes that podman leaves for five minutes after each command it was asked to run in a container."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_text().split("\0")
            if words[0].endswith("conmon") and any(word.startswith(str(home)) for word in words):
                yield int(process.name)


def base_archive() -> Path:
    """Give a small Debian with Python 3.11 and pip as an archive, made once per clone (a minute, 200 MB)."""
    place = folder(default_home() / "containers")
    archive = place / "base.tar"
    if not archive.exists():
        root, partial = place / "base", place / "base.partial"
        shutil.rmtree(root, ignore_errors=True)
        included = "--include=python3,python3-pip,ca-certificates"
        _quietly("debootstrap", "--variant=minbase", included, "bookworm", str(root))
        for name in MACHINE_SETTINGS:
            if Path("/", name).exists():
                shutil.copy(Path("/", name), root / name)
        unneeded = ("./var/cache/apt/archives", "./var/lib/apt/lists")
        _quietly("tar", "-C", str(root), *(f"--exclude={each}/*" for each in unneeded), "-cf", str(partial), ".")
        partial.rename(archive)
        shutil.rmtree(root)
    return archive


def _quietly(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]}: {(done.stdout + done.stderr)[-2000:]}"
