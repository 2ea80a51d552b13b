"""Roles start on a stack, are known by their doors, and come back when they die."""

from collections.abc import Iterator

import pytest

from deploy.local.ports import assign
from deploy.local.processes import stop_together
from deploy.local.roles import ROLES, is_ready, role_program
from deploy.local.stack import Stack
from deploy.local.system import System, start_roles


@pytest.fixture(scope="module")
def system(stack: Stack) -> Iterator[System]:
    """Give a system of which only the token issuer runs."""
    small = System(stack, {}, assign(stack.home, [role.name for role in ROLES]))
    start_roles(small, only=["issuer"])
    yield small
    stop_together([role.running for role in small.roles.values() if role.running is not None])


def test_a_role_answers_at_its_door(system: System) -> None:
    """A role that was started answers at the address it is known by."""
    assert system.door("issuer").startswith("http://127.0.0.1:")
    assert is_ready(system.ports["issuer"], "/jwks")
    assert not is_ready(system.ports["audit.api"], "/readyz")


def test_a_dead_role_comes_back(system: System) -> None:
    """A role that dies is started again under the same address; the living are left alone."""
    assert system.revive() == []
    system.roles["issuer"].kill()
    assert system.revive() == ["issuer"]
    system.roles["issuer"].wait()
    assert is_ready(system.ports["issuer"], "/jwks")


def test_each_service_has_its_own_user(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service gets the broker's address with its own user; what the operator set is handed on."""
    monkeypatch.setenv("CARNET_LOG_LEVEL", "DEBUG")
    programs = {role.name: role_program(role, system.stack, system.ports) for role in ROLES}
    assert programs["records.worker"].env["CARNET_AMQP_URL"].startswith("amqp://records:")
    assert programs["audit.api"].env["CARNET_AMQP_URL"].startswith("amqp://audit:")
    assert "CARNET_AMQP_URL" not in programs["issuer"].env
    assert programs["ingest.worker"].env["CARNET_LOG_LEVEL"] == "DEBUG"


def test_a_fatal_start_is_a_sentence(system: System) -> None:
    """A role that cannot start is named, with the end of its log."""
    with pytest.raises(RuntimeError, match=r"records\.worker stopped while it was starting"):
        start_roles(system, only=["records.worker"], settings={"CARNET_KEYS_DIR": "/nowhere"})
    del system.roles["records.worker"]
