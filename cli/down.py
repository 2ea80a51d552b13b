"""`./carnet down`: stops what this clone started, and nothing else."""

import typer
from rich.console import Console

from deploy.local.places import default_home, homes
from deploy.local.system import stop_everything

app = typer.Typer()


@app.command()
def down() -> None:
    """Stop every process that runs from this clone."""
    stopped = [process for home in homes(default_home()) for process in stop_everything(home)]
    names = ", ".join(process.name for process in stopped)
    Console().print(f"Stopped: {names}." if stopped else "Nothing runs from this clone.")
