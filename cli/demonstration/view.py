"""What a newcomer sees while the demonstration runs: how far everything is, how fast, and what was turned away."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cli.books import ends, in_motion
from cli.demonstration.story import Sample, Story
from shared.clock import paris_date
from shared.messaging.topology import INGEST_BENEFICIARIES, INGEST_REIMBURSEMENTS, RECORDS_BENEFICIARIES

BAR_WIDTH = 28
_FRAMES = 4
_LINE_SECONDS = 2.0
_PATIENT = 10.0
_RATE_SECONDS = 4.0
_SHOWN_REASONS = 7
_STYLES = {"ignored": "", "refused": "", "quarantined": "", "parked": "yellow", "waiting": "dim"}


async def paint(story: Story, console: Console) -> None:
    """Show progress until cancelled: a picture on a terminal, a line now and then elsewhere."""
    if not console.is_terminal:
        while True:
            await asyncio.sleep(_LINE_SECONDS)
            console.print(plain(story), soft_wrap=True)
    with Live(live(story), console=console, auto_refresh=False) as picture:
        try:
            while True:
                await asyncio.sleep(1 / _FRAMES)
                picture.update(live(story), refresh=True)
        finally:
            picture.update(live(story), refresh=True)


def live(story: Story) -> Group:
    """Return the whole picture of a story under way."""
    day = f"{paris_date(story.today):%d/%m/%Y}" if story.today else ""
    passed = clock(time.monotonic() - story.began)
    head = Text.assemble((story.phase or "Done", "bold"), "   ", (passed, "dim"), "   ", (day, "cyan"))
    parts: list[RenderableType] = [head, Text(), _bars(story), Text(), _ends(story)]
    if trouble := story.trouble or _standstill(story):
        parts += [Text(), Text(trouble, style="yellow")]
    return Group(*(Padding(part, (0, 0, 0, 2)) for part in parts))


def plain(story: Story) -> str:
    """Return one line that says the same, for a log file."""
    sample = story.samples[-1] if story.samples else Sample(0, 0, 0, 0, 0)
    people = story.count(RECORDS_BENEFICIARIES.queue, "done")
    told = f"{people:,} people, {sample.published:,} lines published, {sample.checked:,} checked, {sample.decided:,} "
    return f"{clock(time.monotonic() - story.began)}  {story.phase}: {told}decided, {sample.logged:,} log entries"


def clock(seconds: float) -> str:
    """Return a duration as minutes and seconds."""
    return f"{int(seconds) // 60:02}:{int(seconds) % 60:02}"


def speed(samples: list[Sample], stage: str) -> float:
    """Return events per second over the last seconds."""
    if not samples:
        return 0.0
    last = samples[-1]
    first = next(sample for sample in samples if last.at - sample.at <= _RATE_SECONDS)
    seconds = last.at - first.at
    return (getattr(last, stage) - getattr(first, stage)) / seconds if seconds else 0.0


def _standstill(story: Story) -> str | None:
    seconds = time.monotonic() - story.changed
    return f"Nothing has moved for {seconds:.0f} s; the logs in {story.logs} say why." if seconds > _PATIENT else None


def _bars(story: Story) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=25)
    table.add_column(min_width=BAR_WIDTH)
    table.add_column(justify="right", min_width=7)
    table.add_column(justify="right", min_width=7, style="dim")
    for label, done, total, stage in _stages(story):
        bar = ProgressBar(total=max(total, 1), completed=min(done, total), width=BAR_WIDTH, finished_style="green")
        rate = speed(story.samples, stage) if stage and story.phase else 0.0
        table.add_row(label, bar, f"{done:,}", f"{rate:,.0f}/s" if rate >= 1 else "")
    return table


def _stages(story: Story) -> Iterator[tuple[str, int, int, str]]:
    """Yield label, how far, how much in all, and the name of its rate."""
    planned = story.people * story.lines
    sample = story.samples[-1] if story.samples else Sample(0, 0, 0, 0, 0)
    published = story.tally.published[INGEST_REIMBURSEMENTS.key]
    in_all = published if story.lines_ended else max(planned, published)
    decided = sum(n for end, n in story.tally.expected.items() if end.queue.startswith("records.reimbursement"))
    yield "Registrations published", story.tally.published[INGEST_BENEFICIARIES.key], story.people, ""
    yield "Accounts made", story.count(RECORDS_BENEFICIARIES.queue, "done"), story.people, ""
    yield "Lines published", published, in_all, "published"
    yield "Lines checked by ingest", sample.checked, in_all, "checked"
    yield "Lines decided by records", sample.decided, decided if story.lines_ended else in_all, "decided"
    if notices := sum(story.campaign.get("notices", {}).values()):
        sent = notices - story.campaign["notices"].get("requested", 0)
        yield "Letters posted", sent, notices, ""
        yield "Records open", story.accounts("open", "activated"), story.people, ""
    yield "Entries in the log", sample.logged, story.emitted, "logged"


def _ends(story: Story) -> Table:
    """Return what became of the lines beside being applied, by reason."""
    by_state: dict[str, Counter[str]] = {}
    for end, count in ends(story.summaries).items():
        if end.reason is not None:
            by_state.setdefault(end.state, Counter())[end.reason] += count
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=25)
    table.add_column()
    stored = story.count("records.reimbursement.received.v1", "done")
    table.add_row("In open records", f"{stored:,} lines")
    for state, style in (
        ("ignored", ""),
        ("refused", ""),
        ("quarantined", ""),
        ("parked", "yellow"),
        ("waiting", "dim"),
    ):
        if state in by_state:
            table.add_row(state.capitalize(), Text(_reasons(by_state[state]), style=style))
    moving = sum(in_motion(story.summaries).values())
    table.add_row("In flight", f"{moving:,} messages or events" if moving else "nothing", style="dim")
    return table


def _reasons(counted: Counter[str]) -> str:
    shown = [f"{reason} {count:,}" for reason, count in counted.most_common(_SHOWN_REASONS)]
    rest = counted.total() - sum(count for _, count in counted.most_common(_SHOWN_REASONS))
    return " · ".join([*shown, *([f"others {rest:,}"] if rest else [])])
