"""A demonstration that runs as a user's would; it is started once, for every test of this folder."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest

from deploy.local.places import CLONE, packages_folder
from deploy.local.ports import remembered
from deploy.local.users import insurers as insurers_table
from simulator.insurer import Tally, insurers, publish_all
from simulator.publications import Publication

Result: TypeAlias = dict[str, Any]

PEOPLE, LINES = 60, 10
READY_SECONDS = 200


class Demo:
    """A demonstration that runs as a user's would, in a folder of its own."""

    def __init__(self, folder: Path):
        self.home = folder / "home"
        self.summary_file = folder / "summary.json"
        self.output_file = folder / "output.txt"
        self.home.mkdir()
        if packages_folder().exists():  # what a test run has fetched already is not fetched again
            (self.home / "debian").symlink_to(packages_folder())
        arguments = ["--people", str(PEOPLE), "--lines", str(LINES), "--json", str(self.summary_file)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CARNET_")}
        with self.output_file.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli", "demo", *arguments],
                cwd=CLONE,
                env=environment | {"CARNET_HOME": str(self.home), "PYTHONUNBUFFERED": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        """What it wrote so far."""
        return self.output_file.read_text()

    def wait_until_it_stays(self) -> Result:
        """Wait for the summary; the system stays up after it."""
        deadline = time.monotonic() + READY_SECONDS
        while "Ctrl-C stops it all." not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.2)
        result: Result = json.loads(self.summary_file.read_text())
        return result

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another command of the same clone, as in a second terminal."""
        return subprocess.run(
            [sys.executable, "-m", "cli", *words],
            cwd=CLONE,
            env={**os.environ, "CARNET_HOME": str(self.home)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def interrupt(self) -> int:
        """Press Ctrl-C and return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Give a demonstration that is under way."""
    running = Demo(tmp_path_factory.mktemp("demo"))
    yield running
    if running.process.poll() is None:
        running.interrupt()


@pytest.fixture(scope="session")
def summary(demo: Demo) -> Result:
    """Give the summary, once it is there."""
    return demo.wait_until_it_stays()


class Log:
    """What was written into the log since this was made, as audit's door shows it."""

    def __init__(self, addresses: dict[str, str]):
        answer = httpx.post(f"{addresses['issuer']}/token", json={"kind": "operator", "sub": "e2e"}, trust_env=False)
        bearer = {"authorization": f"Bearer {answer.json()['access_token']}"}
        self.door = httpx.Client(base_url=addresses["audit"], headers=bearer, trust_env=False)
        self.start = self.door.get("/ops/log/head").json()["size"]

    def wait_for(self, wire_type: str) -> list[dict[str, Any]]:
        """Return the new entries, once one of a type is among them."""
        deadline = time.monotonic() + 20
        while True:
            found: list[dict[str, Any]] = self.door.get("/ops/log/entries", params={"from": self.start}).json()[
                "entries"
            ]
            if any(each["type"] == wire_type for each in found):
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.2)


async def publish(demo: Demo, publication: Publication) -> None:
    """Publish as the insurer itself, with the password that the clone gave it."""
    home = demo.home / "demo"
    passwords, port = json.loads((home / "passwords.json").read_text()), remembered(home)["amqp"]
    users = {each["code"]: each["user"] for each in insurers_table() if each["code"] == publication.insurer}
    async with insurers(users, lambda user: f"amqp://{user}:{passwords[user]}@127.0.0.1:{port}/", Tally()) as senders:
        await publish_all(senders, [publication])
