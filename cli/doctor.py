"""`./carnet doctor`: what is there, what is missing, and one sentence that mends each failing line."""

import sys
from collections.abc import Iterator

import typer
from rich.console import Console
from rich.table import Table

from deploy.local.findings import FAILS, MARKS, Finding, findings
from deploy.local.places import default_home

app = typer.Typer()


@app.command()
def doctor() -> None:
    """Say what is there, what is missing and how to mend it; exit 1 if something essential is missing."""
    console = Console()
    table = Table("", "What", box=None, pad_edge=False)
    table.add_column("Found", overflow="fold")
    found = list(findings(default_home()))
    for each in found:
        table.add_row(MARKS[each.state], each.what, each.found)
    console.print(table)
    for sentence in _advice(found):
        console.print(sentence, markup=False, highlight=False)
    failing = [each for each in found if each.state == FAILS]
    console.print("Something essential is missing." if failing else "Everything essential is there.")
    sys.exit(1 if failing else 0)


def _advice(found: list[Finding]) -> Iterator[str]:
    for each in found:
        if each.mend:
            yield f"{each.what}: {each.mend}"
