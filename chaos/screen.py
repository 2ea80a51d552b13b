"""What the reader sees while a run lasts: a moving line of what hurts now, and one line that stays per fault."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.status import Status


@dataclass(slots=True)
class Line:
    """One strike; ``seen`` is how often it was seen to bite."""

    seen: int = 0


@dataclass(slots=True)
class Screen:
    """Writes to a terminal, or to a file without what moves."""

    console: Console
    status: Status
    began: float = field(default_factory=time.monotonic)

    def phase(self, text: str) -> None:
        """Say what the run does now."""
        if self.console.is_terminal:
            self.status.update(f"{self._clock()}  {escape(text)}")
        else:
            self.console.print(f"{self._clock()}  {escape(text)}")

    @contextlib.contextmanager
    def hurting(self, fault: str, struck: str, lasts: float) -> Iterator[Line]:
        """Show a strike while it lasts, and leave its line."""
        began, line = time.monotonic(), Line()
        if self.console.is_terminal:
            self.status.update(f"{self._clock()}  [bold red]{fault}[/]  {escape(struck)}  for {lasts:.0f} s")
        at = self._clock()
        yield line
        mark = "[green]seen[/]" if line.seen else "[yellow]not seen[/]"
        took = f"{time.monotonic() - began:5.1f} s" if lasts else "       "
        self.console.print(f"{at}  {fault:<16} {took}  {mark:<8}  [dim]{escape(struck)}[/]", soft_wrap=True)
        self.phase_quietly("calm")

    def phase_quietly(self, text: str) -> None:
        """Say what the run does now, where a line may change."""
        if self.console.is_terminal:
            self.status.update(f"{self._clock()}  [dim]{escape(text)}[/]")

    def nothing_to_hurt(self, fault: str) -> None:
        """Say that a fault found nothing."""
        self.console.print(f"{self._clock()}  {fault:<16}           [yellow]nothing to hurt[/]")

    def _clock(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
        return f"{minutes:02}:{seconds:02}"


@contextlib.contextmanager
def screen(console: Console) -> Iterator[Screen]:
    """Show a run on a console."""
    with console.status("Starting ...") as status:
        yield Screen(console, status)
