"""The demonstration's result for a reader: the books, what the insurers expected, the log, and where to go on."""

from collections.abc import Iterable
from pathlib import Path

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.books import FlowBooks
from cli.demonstration.hands_on import COMMANDS
from cli.demonstration.story import Check
from cli.demonstration.summary import Summary
from shared.messaging.topology import FLOWS

_COLUMNS = {
    "published": "publ.",
    "applied": "appl.",
    "ignored": "ign.",
    "refused": "ref.",
    "quarantined": "quar.",
    "parked": "park.",
    "in_flight": "fly",
    "duplicate": "dupl.",
}
"""The books' columns, and what they are called where there is little room."""

_WIDE = 120

_SERVICES = list(dict.fromkeys(flow.consumer for flow in FLOWS))
"""In the order in which a line of care meets them."""

_COMMANDS = (
    ("./carnet parked list", "what is held, and why"),
    ("./carnet parked list --state refused", "what was refused"),
    ("./carnet parked replay --reason ins-unknown", "try those once more"),
    ("./carnet audit verify", "verify the whole log"),
    ("./carnet audit export FOLDER", "write it down for somebody else to verify"),
)


def report(summary: Summary, console: Console, *, papers: bool = True) -> None:
    """Print the whole result; ``papers``: what lies in the demonstration's folder will still be there."""
    console.print()
    console.print(Padding(_books(summary.books, wide=console.width >= _WIDE), (0, 0, 0, 1)))
    _print_verdicts(summary, console, papers=papers)


def _books(books: list[FlowBooks], *, wide: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_style="bold", title_justify="left")
    table.padding = (0, 1, 0, 0) if wide else (0, 0)
    table.title = "The books: what was published is what became of it"
    table.add_column("flow", no_wrap=True)
    for name, short in _COLUMNS.items():
        table.add_column(name.replace("_", " ") if wide else short, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    service = ""
    for flow in sorted(books, key=lambda flow: _SERVICES.index(flow.queue.split(".")[0])):
        if flow.balanced and not flow.published:
            continue  # nothing of this demonstration goes that way
        owner, key = flow.queue.split(".", maxsplit=1)
        if owner != service:
            service = owner
            table.add_row(Text(owner, "bold"))
        table.add_row(f" {key}", *_numbers(flow), _mark(flow), style=None if flow.balanced else "red")
    return table


def _numbers(flow: FlowBooks) -> list[Text]:
    numbers = [getattr(flow, name) for name in _COLUMNS]
    return [Text(f"{number:,}" if number else "·", style="" if number else "dim") for number in numbers]


def _mark(flow: FlowBooks) -> Text:
    return Text("✓", "green") if flow.balanced else Text(f"{flow.accounted - flow.published:+,}", "bold red")


def _print_verdicts(summary: Summary, console: Console, *, papers: bool) -> None:
    lines = Table.grid(padding=(0, 1))
    lines.add_column(width=3, justify="right")
    for good, sentence in _verdicts(summary):
        mark = Text("✓", "green") if good else Text("✗", "bold red")
        lines.add_row(mark, sentence)
    console.print(lines)
    for arc in summary.arcs:
        for fact in (*(arc.papers if papers else ()), *arc.facts):
            console.print(f"      {fact}", style="dim", soft_wrap=True, markup=False)
    for each in summary.comparison:
        if not each.agrees:
            end = " ".join(part for part in (each.queue, each.state, each.reason) if part)
            console.print(f"      {end}: {each.expected:,} expected, {each.counted:,} counted", style="red")
    for what, count in summary.moving.items():
        console.print(f"      still moving: {count:,} {what}", style="red")


def _verdicts(summary: Summary) -> list[tuple[bool, str]]:
    agree = all(each.agrees for each in summary.comparison)
    events = sum(each.expected for each in summary.comparison)
    rates = " → ".join(f"{stage} {rate:,.0f}" for stage, rate in summary.rates.items())
    log = summary.log.sentence.split(", root")[0]
    return [
        (summary.balanced, f"The books {'' if summary.balanced else 'do not '}balance in every flow"),
        (agree, f"The insurers expect {events:,} ends; the doors counted {'exactly those' if agree else 'others'}"),
        *(
            (check.agrees, f"{arc.title}: {check.counted:,} {check.what}{_expected(check)}")
            for arc in summary.arcs
            for check in arc.checks
        ),
        (
            summary.refusals_read == summary.refusals_sent,
            f"{summary.refusals_read:,} of {summary.refusals_sent:,} refusals were read by the insurers concerned",
        ),
        (summary.log.valid, f"The log, recomputed from its first entry, is {log}"),
        (
            summary.tampered.valid,
            f"One bit changed in a copy of it, and the verifier says: {summary.tampered.sentence}",
        ),
        (not summary.moving, "Something is still under way" if summary.moving else "Nothing is under way any more"),
        (True, f"Lines per second: {rates}"),
    ]


def _expected(check: Check) -> str:
    return "" if check.agrees else f", {check.expected:,} expected"


def print_addresses(summary: Summary, file: Path, console: Console) -> None:
    """Print where the doors are and what to type next; ``file`` has addresses and tokens for a shell."""
    console.print("\n  [bold]It runs.[/] Its doors:\n")
    _print_pairs([(name, url) for name, url in summary.addresses.items()], console)
    console.print("\n  In another terminal:\n")
    _print_pairs(_COMMANDS, console)
    console.print("\n  As a patient and as a doctor, by the gateway (tokens in this file are kept fresh):\n")
    console.print(f"    . {file}", style="cyan", soft_wrap=True, markup=False)
    for about, line in COMMANDS:
        console.print(f"    {line}", style="cyan", soft_wrap=True, markup=False)
        console.print(f"      {about}", style="dim", markup=False)
    console.print()


def _print_pairs(pairs: Iterable[tuple[str, str]], console: Console) -> None:
    table = Table.grid(padding=(0, 3))
    for left, right in pairs:
        table.add_row(Text(f"    {left}", "cyan"), Text(right, "dim"))
    console.print(table)
