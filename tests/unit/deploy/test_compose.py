"""The compose file says what the native stack says, and gives nobody more rights than needed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.containers.secrets import new_installation
from deploy.gateway.configuration import DEFAULTS
from deploy.local import mongodb, rabbitmq
from deploy.local.places import CLONE
from deploy.local.roles import ALL
from deploy.local.users import SERVICES
from deploy.local.witnesses import WITNESSES, witness_name

COMPOSE = CLONE / "deploy/compose.yaml"
MODEL: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
CONTAINERS: dict[str, dict[str, Any]] = MODEL["services"]
OURS = {role.name.replace(".", "-"): role for role in ALL if role.user is not None}
EVERY = pytest.mark.parametrize("name", CONTAINERS)


def test_every_role_has_its_container():
    """What the native stack starts, compose starts, each role by its own word."""
    started = {name: each["command"] for name, each in CONTAINERS.items() if name.partition("-")[0] in SERVICES}
    assert started == {name: [role.argv[-1]] for name, role in OURS.items()}


def test_the_witnesses_are_those_of_the_policy():
    """The log is signed by the witnesses that its policy names, each with a key and a file of its own."""
    witnesses = {name: each for name, each in CONTAINERS.items() if name.startswith("witness-")}
    asked = json.loads(CONTAINERS["audit-jobs"]["environment"]["CARNET_WITNESSES"])
    assert set(witnesses) == {f"witness-{name}" for name in WITNESSES}
    assert asked == {name: f"http://witness-{name}:8080" for name in WITNESSES}
    for name in WITNESSES:
        container = witnesses[f"witness-{name}"]
        assert container["environment"]["CARNET_WITNESS_NAME"] == witness_name(name)
        assert {each["source"] for each in container["secrets"]} == {f"witness-{name}", "witness-logs"}
        assert container["volumes"] == [f"witness-{name}:/var/lib/carnet"]


def test_only_the_signer_has_the_key_of_the_log():
    """No container but the one that signs the log is handed the key that it signs with."""
    assert [name for name, each in CONTAINERS.items() if "log" in each.get("secrets", [])] == ["audit-jobs"]


@EVERY
def test_a_container_has_no_rights(name: str):
    """No container is privileged, keeps a capability, may gain one, or writes to its own file system."""
    container = CONTAINERS[name]
    assert "privileged" not in container
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["read_only"] is True


@EVERY
def test_a_container_is_limited(name: str):
    """Every container has a limit of memory, processors and processes, and of what it may log."""
    assert set(CONTAINERS[name]["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert CONTAINERS[name]["logging"]["options"]["max-size"]


def test_only_who_gives_files_away_is_root():
    """Only the container that draws the secrets is root, and it starts when asked for only."""
    roots = {name for name, each in CONTAINERS.items() if each.get("user", "").startswith("0")}
    assert roots == {"secrets"}
    assert CONTAINERS["secrets"]["profiles"] == ["setup"]
    servers = {name: CONTAINERS[name]["user"] for name in ("gateway", "rabbitmq", "mongodb")}
    assert servers == {"gateway": "101:101", "rabbitmq": "999:999", "mongodb": "999:999"}


@EVERY
def test_no_secret_is_in_an_environment(name: str):
    """Addresses with passwords, keys and passwords are files; the environment names files at most."""
    for variable, value in CONTAINERS[name].get("environment", {}).items():
        assert variable not in {"CARNET_AMQP_URL", "CARNET_MONGO_URL"}
        assert not re.search("PASSWORD|SECRET|KEY$", variable) or value.startswith("/run/secrets/")


@EVERY
def test_what_a_container_needs_is_declared(name: str):
    """Every secret that a container reads is declared, and every file that is declared is drawn."""
    wanted = [each if isinstance(each, str) else each["source"] for each in CONTAINERS[name].get("secrets", [])]
    files = {Path(MODEL["secrets"][each]["file"]).name for each in wanted}
    assert files <= {secret.name for secret in new_installation(["localhost"])}


def test_a_service_reads_its_own_addresses():
    """No role is handed the broker's or the database's address of another service; one is told who may remove."""
    for name, role in OURS.items():
        sources = {each["source"] for each in CONTAINERS[name]["secrets"] if isinstance(each, dict)}
        removing = {f"{role.removes}-mongo"} if role.removes else set()
        assert sources == {"ca", f"{role.user}-amqp", f"{role.user}-mongo"} | removing


def test_the_gateway_finds_every_door():
    """The gateway's configuration names the containers of the doors, and waits for them."""
    doors = {value.partition(":")[0] for name, value in DEFAULTS.items() if name in SERVICES}
    assert doors == set(CONTAINERS["gateway"]["depends_on"]) == {name for name in OURS if name.endswith("-api")}


def test_the_broker_has_the_limits_of_the_native_one():
    """Sizes and times are those of the native broker; only the listener and the definitions' place differ."""
    own = ("listeners.", "load_definitions", "ssl_options.")

    def limits(text: str) -> set[str]:
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        return {line for line in lines if not line.startswith(own)}

    assert limits((CLONE / "deploy/containers/rabbitmq.conf").read_text()) == limits(rabbitmq.CONFIGURATION)


def test_the_database_gives_transactions_up_in_time():
    """A transaction lives for as long as the services demand at most, in the replica set that they look for."""
    command = CONTAINERS["mongodb"]["command"]
    assert f"--setParameter=transactionLifetimeLimitSeconds={mongodb.TRANSACTION_SECONDS}" in command
    assert f"--replSet={mongodb.REPLICA_SET}" in command


def test_what_must_be_said_has_an_example():
    """The example of an environment names every variable without which compose refuses to start."""
    demanded = set(re.findall(r"\$\{(\w+):\?", COMPOSE.read_text()))
    assert demanded <= set(re.findall(r"^(\w+)=", (CLONE / "deploy/compose.env.example").read_text(), re.MULTILINE))
