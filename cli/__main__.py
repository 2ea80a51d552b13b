"""The one command: a table of commands, each imported only when it is asked for."""

import sys
from importlib import import_module

import typer

from deploy.local.places import StackError

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("cli.demo", "Start the system, feed it a population and show the books."),
    "up": ("cli.up", "Start the broker, the database and every service; stay until Ctrl-C."),
    "down": ("cli.down", "Stop every process that runs from this clone."),
    "doctor": ("cli.doctor", "Say what is there, what is missing and how to mend it."),
    "parked": ("cli.parked", "List, show, replay or discard what could not be processed."),
    "trace": ("cli.trace", "Show one event's way through the services, with times."),
    "ledger": ("cli.ledger", "Say whether everything is accounted for, and repair what is not."),
    "audit": ("cli.audit", "Verify the log of everything that happened."),
    "chaos": ("cli.chaos", "Kill, freeze and cut a system of its own, and check that it kept its promise."),
    "bench": ("cli.bench", "Measure, beside the usual way of doing it."),
    "test": ("cli.test", "Run the tests: unit, contract, integration, e2e."),
    "check": ("cli.check", "Everything CI runs: lint, format, types, import rules, tests."),
}


def build(asked: str | None) -> typer.Typer:
    """Make the application; only the command asked for is imported, the others are their line of help."""
    app = typer.Typer(
        name="carnet",
        help="Carnet: an open implementation of the French shared medical record.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name, (module, line) in COMMANDS.items():
        if name == asked:
            _add(app, name, import_module(module).app)
        else:
            app.command(name, help=line)(_not_imported)
    return app


def _add(app: typer.Typer, name: str, command: typer.Typer) -> None:
    if command.registered_callback is not None or len(command.registered_commands) > 1:
        app.add_typer(command, name=name)
        return
    only = command.registered_commands[0]
    only.name = name
    app.registered_commands.append(only)


def _not_imported() -> None:
    """Stand in for a command that was not asked for."""


def main() -> None:
    """Run the command line; a failure that has a sentence is shown as that sentence."""
    asked = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    try:
        build(asked)(prog_name="carnet")
    except Exception as error:
        if not isinstance(error, _with_a_sentence()):
            raise
        sys.exit(f"carnet: {error}")


def _with_a_sentence() -> tuple[type[Exception], ...]:
    from cli.doors import DoorError, NoDoorError  # not at the top: most commands never knock at a door

    return StackError, NoDoorError, DoorError


if __name__ == "__main__":
    main()
