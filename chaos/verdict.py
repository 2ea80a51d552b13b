"""One table at the end of a run, and its exit code."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from rich.console import Console
from rich.table import Table

from chaos.aftermath import Aftermath
from chaos.checker import Finding, judge
from chaos.checker.ledger import published
from chaos.history import History, lines, operations
from chaos.looking import look
from chaos.operators import replay_what_waited
from chaos.quiescence import settle
from chaos.scene import Scene
from chaos.sometimes import Sometimes, adoptions, sometimes
from chaos.workload import last_look
from cli.books import all_books

AFTER_LAST_LOOK_S: Final = 30.0
"""How long quiet is waited for once more where it never came."""

_SHOWN: Final = 5
"""Violations of a kind that are shown; all of them are in the file."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run proved."""

    findings: Sequence[Finding]
    faults: Mapping[str, int]
    """How often each chosen fault was seen to bite."""
    sometimes: Sequence[Sometimes]
    events: int
    """Events that the flows accounted for: one that goes to three services counts three times."""
    published: int
    """Events that insurers and services published."""

    @property
    def violated(self) -> list[str]:
        """The properties that do not hold."""
        return [each.name for each in self.findings if not each.holds]

    @property
    def missing(self) -> list[str]:
        """What had to happen and never did."""
        never = [name for name, times in self.faults.items() if not times]
        return never + [each.name for each in self.sometimes if each.required and not each.times]

    @property
    def good(self) -> bool:
        """Every promise was kept, and the run was hard enough to say so."""
        return not self.violated and not self.missing

    def write(self, path: Path) -> None:
        """Write everything down as JSON."""
        path.write_bytes(orjson.dumps(asdict(self) | {"good": self.good}, option=orjson.OPT_INDENT_2))


async def reach_verdict(
    scene: Scene,
    history: History,
    path: Path,
    faults: Mapping[str, int],
    *,
    strict: bool,
    patience: float,
    stuck: Mapping[str, int] | None = None,
) -> Verdict:
    """Wait for quiet, let operator and patients do what they do then, read what is left, and judge it.

    ``path`` is the history's file; ``strict``: what happens sometimes must have happened; ``patience``: how many
    seconds quiet is waited for; ``stuck``: what was seen not to come to its end before.
    """
    first = await settle(scene, patience=patience)
    if not first.stuck:
        await replay_what_waited(scene, history, published(operations(list(lines(path)))))
    await last_look(scene, history)
    quiet = await settle(scene, patience=AFTER_LAST_LOOK_S if first.stuck else patience)
    left = await look(scene, quiet.summaries, {**quiet.stuck, **(stuck or {})})
    moments = list(lines(path))
    left.adoptions = adoptions(scene.logs, moments[0]["at"])
    return judged(moments, left, faults, scene.logs, strict=strict)


def judged(
    moments: Sequence[dict[str, Any]], left: Aftermath, faults: Mapping[str, int], logs: Path, *, strict: bool
) -> Verdict:
    """Return the verdict on a history and on what was left."""
    flows = all_books(left.summaries, {}) if left.summaries else []
    upstream = sum(len(left.rows.get(queue, {})) for queue in left.rows if queue.startswith("ingest."))
    return Verdict(
        findings=judge(moments, left),
        faults=dict(faults),
        sometimes=sometimes(logs, left, moments, strict=strict),
        events=sum(flow.accounted for flow in flows),
        published=upstream + len(left.sent),
    )


def show(verdict: Verdict, console: Console) -> None:
    """Print the one table, what was violated, and the last word."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, justify in (("", "left"), ("what", "left"), ("times", "right"), ("", "left")):
        table.add_column(title, justify=justify)  # type: ignore[arg-type]
    for each in verdict.findings:
        said = "[green]holds[/]" if each.holds else f"[red]{len(each.violations):,} violations[/]"
        table.add_row(each.name, each.promise, f"{each.checked:,}", said)
    table.add_section()
    for name, times in verdict.faults.items():
        table.add_row("fault", name, f"{times:,}", "" if times else "[red]never happened[/]")
    table.add_section()
    for one in verdict.sometimes:
        said = "[red]never happened[/]" if one.required and not one.times else ""
        table.add_row("sometimes", f"{one.name}: {one.meaning}", f"{one.times:,}", said)
    console.print(table)
    for each in verdict.findings:
        for violation in each.violations[:_SHOWN]:
            console.print(f"[red]{each.name}[/]: {violation}", soft_wrap=True)
    console.print(f"{verdict.published:,} events published, {verdict.events:,} taken to an end in {_flows()} flows.")
    console.print("[bold green]GREEN[/]" if verdict.good else f"[bold red]RED[/]: {', '.join(_why(verdict))}")


def _why(verdict: Verdict) -> list[str]:
    return [*verdict.violated, *(f"{name} never happened" for name in verdict.missing)]


def _flows() -> int:
    return len(all_books({}, {}))
