"""The services in containers: ready without rights, from registration to log and letter, and gently stopped."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.users import insurers as insurers_table
from shared.clock import paris_date
from simulator.claims import claims
from simulator.insurer import Tally, insurers, publish_all
from simulator.population import Person, people
from simulator.publications import Publication, Season, is_open
from tests.containers.conftest import CONTAINED, USER, Fleet

pytestmark = pytest.mark.timeout(900)


def process(fleet: Fleet, name: str) -> dict[str, str]:
    """Give what the kernel says of a role's own process: the child of the container's init."""
    init = fleet.containers[name].get_wrapped_container().attrs["State"]["Pid"]
    child = Path(f"/proc/{init}/task/{init}/children").read_text().split()[0]
    lines = Path(f"/proc/{child}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def inside(fleet: Fleet, name: str, *command: str) -> Any:
    """Run a command in a role's container and give its exit code and output."""
    return fleet.containers[name].get_wrapped_container().exec_run(list(command))


@pytest.mark.parametrize("name", [role.name for role in CONTAINED])
def test_a_role_has_no_rights(fleet: Fleet, name: str):
    """A role runs as nobody's user, with no capability and no way to one, and can write into no code."""
    fleet.containers[name].get_wrapped_container().reload()
    status = process(fleet, name)
    assert status["Uid"].split() == [str(USER)] * 4
    assert {int(status[each], 16) for each in ("CapEff", "CapPrm", "CapBnd")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert inside(fleet, name, "touch", "/carnet/written").exit_code != 0
    assert inside(fleet, name, "touch", "/opt/venv/written").exit_code != 0


@pytest.mark.parametrize("name", [role.name for role in CONTAINED])
def test_the_health_check_asks_the_role(fleet: Fleet, name: str):
    """The image's own check answers well for a living role, and badly for a door that is not there."""
    probe = ("python", "-I", "-S", "/carnet/probe.py")
    assert inside(fleet, name, *probe).exit_code == 0
    assert inside(fleet, name, *probe, "/nowhere").exit_code == 1


def test_no_secret_is_in_an_environment(fleet: Fleet):
    """What a container is started with holds no password: addresses and keys are files of its user alone."""
    for name, container in fleet.containers.items():
        told = str(container.get_wrapped_container().attrs["Config"])
        user = name.split(".")[0]
        assert fleet.stack.passwords[user] not in told


class Log:
    """The audit's log as its own door shows it."""

    def __init__(self, fleet: Fleet) -> None:
        url = f"http://127.0.0.1:{fleet.issuer}/token"
        answer = httpx.post(url, json={"kind": "operator", "sub": "walk"}, trust_env=False)
        bearer = {"authorization": f"Bearer {answer.json()['access_token']}"}
        self._door = httpx.Client(base_url=fleet.door("audit.api"), headers=bearer, trust_env=False)

    def entries(self) -> list[dict[str, Any]]:
        """Give everything in it."""
        found: list[dict[str, Any]] = self._door.get("/ops/log/entries", params={"from": 0}).json()["entries"]
        return found

    def holding(self, wire_type: str) -> list[dict[str, Any]]:
        """Give its entries once one of a type is among them, nothing before."""
        entries = self.entries()
        return entries if any(entry["type"] == wire_type for entry in entries) else []


async def test_one_reimbursement_walks_through(fleet: Fleet, until: Callable[..., Any]):
    """A person with an old DMP is registered and a line settled: the log shows each step, in order (F03, F45)."""
    person = next(each for each in people(7, 500) if is_open(each))
    season = _season()
    log = Log(fleet)
    await _publish(fleet, season.registration(person))
    opened = await until(partial(log.holding, "account.opened.v1"), "the opening of the record")
    subject = next(entry["subject"] for entry in opened if entry["type"] == "account.opened.v1")
    await _publish(fleet, season.settlement(person, _recent_line(person, season)))
    entries = await until(partial(log.holding, "record.updated.v1"), "the line's way into the log")
    assert [entry["type"] for entry in entries if entry["subject"] == subject] == [
        "beneficiary.accepted.v1",
        "account.opened.v1",
        "reimbursement.received.v1",
        "record.updated.v1",
    ]


async def test_a_letter_is_typeset(fleet: Fleet, until: Callable[..., Any]):
    """A person without a record gets a letter: the image holds the fonts, and its data folder is all it writes to."""
    person = next(each for each in people(7, 500) if not is_open(each))
    await _publish(fleet, _season().registration(person))
    lots = fleet.home / "data"
    (letter,) = await until(lambda: list(lots.rglob("*.pdf")), "the letter")
    assert letter.read_bytes().startswith(b"%PDF-")
    assert letter.stat().st_uid == USER


def test_every_role_stops_gently(fleet: Fleet):
    """SIGTERM ends every role by itself and with 0, well before an orchestrator would kill it."""
    wrapped = {name: container.get_wrapped_container() for name, container in fleet.containers.items()}
    for container in wrapped.values():
        container.kill(signal="SIGTERM")
    ends = {name: container.wait(timeout=60)["StatusCode"] for name, container in wrapped.items()}
    assert ends == dict.fromkeys(wrapped, 0)


def _season() -> Season:
    now = datetime.now(UTC)
    return Season(now.isoformat(), paris_date(now))


def _recent_line(person: Person, season: Season) -> Any:
    return next(
        line
        for line in claims(person, 7, 40, until=season.today)
        if (season.today - line.care_start).days < 600 and not line.minor_secret and line.reverses is None
    )


async def _publish(fleet: Fleet, publication: Publication) -> None:
    users = {each["code"]: each["user"] for each in insurers_table() if each["code"] == publication.insurer}
    address = partial(fleet.stack.amqp_url, vhost=fleet.vhost)
    async with asyncio.timeout(30), insurers(users, address, Tally()) as senders:
        await publish_all(senders, [publication])
