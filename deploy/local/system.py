"""The whole system of one folder: stack and roles, started together, watched, and stopped together."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local import gateway
from deploy.local.certificates import ensure_authority
from deploy.local.debian import Say
from deploy.local.ports import LOOPBACK, assign
from deploy.local.processes import Running, running_processes, stop_together
from deploy.local.roles import ALL, ROLES, Role, is_ready, role_program
from deploy.local.servers import Server
from deploy.local.stack import Stack, start_stack

STACK_PROCESSES = ("rabbitmq", "mongodb", "epmd")


@dataclass(slots=True)
class System:
    """A running Carnet: its stack, its roles by name, and their ports."""

    stack: Stack
    roles: dict[str, Server]
    ports: Mapping[str, int]

    def door(self, name: str) -> str:
        """Give the base address of a role, e.g. `records.api` or `issuer`, or of the `gateway`."""
        if name in gateway.PORTS:
            return gateway.url(self.ports, name)
        return f"http://{LOOPBACK}:{self.ports[name]}"

    @property
    def authority(self) -> Path:
        """The certificate that clients of the gateway must trust."""
        return ensure_authority(self.stack.home).certificate

    def revive(self) -> list[str]:
        """Start again the roles that have died, as an orchestrator would; return their names."""
        dead = [name for name, role in self.roles.items() if role.running is None or not role.running.alive()]
        for name in dead:
            self.roles[name].launch()
        return dead

    def stop(self) -> None:
        """Stop the roles, which finish what they hold, then the stack."""
        stop_together([role.running for role in self.roles.values() if role.running is not None])
        self.stack.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_system(
    home: Path | None = None,
    *,
    roles: Sequence[Role] = ROLES,
    outlive_parent: bool = False,
    say: Say = print,
) -> System:
    """Start the stack, its roles and the gateway, and wait until all are ready; from the main thread.

    Raises StackError, a sentence for the reader; whatever was started by then is stopped.
    """
    say("Starting the broker and the database ...")
    stack = start_stack(home, cache_gb=1.0, outlive_parent=outlive_parent, say=say)
    system = System(stack, {}, assign(stack.home, [*(role.name for role in ALL), *gateway.PORTS]))
    say("Starting the services ...")
    try:
        _launch_gateway(system, outlive_parent=outlive_parent, say=say)
        start_roles(system, only=[role.name for role in roles], outlive_parent=outlive_parent)
        system.roles[gateway.NAME].wait()
    except BaseException:
        system.stop()
        raise
    return system


def _launch_gateway(system: System, *, outlive_parent: bool, say: Say) -> None:
    """Start the gateway; it needs no service to be up."""
    home, port = system.stack.home, system.ports[gateway.NAME]
    program = gateway.program(home, system.ports, say=say)
    server = Server(program, home, lambda: gateway.is_ready(home, port), outlive_parent)
    system.roles[gateway.NAME] = server
    server.launch()


def start_roles(
    system: System,
    *,
    only: Sequence[str] = (),
    vhost: str = "/",
    settings: Mapping[str, str] | None = None,
    outlive_parent: bool = False,
) -> None:
    """Start roles (the demonstration's, or those named), with `settings` on top of their environment; wait for each."""
    wanted = [role for role in ALL if role.name in only] if only else list(ROLES)
    for role in wanted:
        server = _server(role, system, vhost, settings or {}, outlive_parent)
        system.roles[role.name] = server
        server.launch()
    for role in wanted:
        system.roles[role.name].wait()


def _server(role: Role, system: System, vhost: str, settings: Mapping[str, str], outlive_parent: bool) -> Server:
    program = role_program(role, system.stack, system.ports, vhost=vhost, settings=settings)
    port = system.ports[role.name]
    return Server(program, system.stack.home, lambda: is_ready(port, role.ready), outlive_parent)


def stop_everything(home: Path) -> list[Running]:
    """Stop what runs from this folder, whoever started it, roles first; return what was stopped."""
    found = [each for each in running_processes(home) if each.pid != os.getpid()]
    stop_together([each for each in found if each.name not in STACK_PROCESSES])
    stop_together([each for each in found if each.name in STACK_PROCESSES and each.name != "epmd"])
    stop_together([each for each in found if each.name == "epmd"])
    return found
