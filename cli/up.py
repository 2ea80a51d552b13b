"""`./carnet up`: the whole system on this machine, until Ctrl-C or `./carnet down`."""

import time
from typing import Annotated
from urllib.parse import urlsplit, urlunsplit

import typer
from rich.console import Console
from rich.table import Table

from cli.interruption import interruptible
from deploy.local import gateway
from deploy.local.processes import last_lines
from deploy.local.roles import ALL
from deploy.local.system import System, start_system

app = typer.Typer()

QUIET_SECONDS = 2.0
"""Between two looks at whether every role is alive."""


@app.command()
def up(
    *,
    detach: Annotated[bool, typer.Option("--detach", help="Return once it runs; `./carnet down` stops it.")] = False,
) -> None:
    """Start the broker, the database and every service; stay until Ctrl-C."""
    console = Console()
    if detach:
        show_addresses(start_system(roles=ALL, outlive_parent=True, say=console.print), console)
        console.print("Running in the background: `./carnet down` stops it.")
        return
    with interruptible(console), start_system(roles=ALL, say=console.print) as system:
        show_addresses(system, console)
        console.print("Ctrl-C stops it.")
        watch(system, console)


def show_addresses(system: System, console: Console) -> None:
    """Print where the doors are, and where logs and data lie."""
    table = Table("Process", "Address", title="Carnet runs", title_justify="left")
    for name in (*(role for role in system.roles if role != gateway.NAME), *gateway.PORTS):
        table.add_row(name, system.door(name))
    for name, url in (("RabbitMQ", system.stack.amqp_address), ("MongoDB", system.stack.mongo_url)):
        table.add_row(name, without_password(url))
    console.print(table)
    console.print("Clients come in by the gateway, whose authority they must trust:")
    console.print(f"curl --cacert {system.authority} {system.door(gateway.NAME)}/v1/…", soft_wrap=True, highlight=False)
    console.print(f"Logs: {system.stack.home / 'logs'}   Passwords: {system.stack.home / 'passwords.json'}")


def without_password(url: str) -> str:
    """Give an address without the user it may name."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def watch(system: System, console: Console) -> None:
    """Start again whatever dies, for ever."""
    while True:
        time.sleep(QUIET_SECONDS)
        for name in system.revive():
            console.print(f"[yellow]{name} stopped by itself and was started again.[/] The end of its log:")
            console.print(last_lines(system.stack.home / "logs" / f"{name}.log", 5), markup=False, highlight=False)
