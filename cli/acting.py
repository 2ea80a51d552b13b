"""What a replay or a discard of a seen set says before, meanwhile and afterwards."""

import asyncio
from dataclasses import dataclass
from typing import Final

import typer
from rich.console import Console
from rich.text import Text

from cli.doors import MessagingDoors, Row
from cli.held import cause, ended
from cli.replaying import MOST_AT_ONCE, Pace, Replay

_BAR: Final = 24


@dataclass(slots=True)
class Acting:
    """How an act on sets is to go."""

    because: str | None
    console: Console
    rate: float = float(MOST_AT_ONCE)
    dry_run: bool = False
    asks: bool = True
    """Whether somebody is asked before anything is changed; nobody is where there is no terminal."""
    canary: bool = False


async def replay_set(doors: MessagingDoors, service: str, told: Row, acting: Acting) -> int:
    """Replay a set; return how many events were made due."""
    if not _agreed("Replay", told, acting):
        return 0
    going = Replay(doors, service, told, acting.because, Pace(acting.rate))
    picture = _Picture(going, acting.console)
    if acting.console.quiet:
        await _without_waiting(going)
        return going.done
    try:
        helped = await going.run(picture.paint, first=acting.canary and told["count"] > 1)
    except asyncio.CancelledError:
        picture.end()
        left = "the others are as they were: the same command goes on"
        acting.console.print(f"Stopped: {going.done:,} of {told['count']:,} replayed, {left}.", soft_wrap=True)
        raise
    picture.end()
    say = acting.console.print
    say(Text.assemble(f"{told['handle']}: ", ended(going.standing)), soft_wrap=True)
    if not helped:
        again = ", ".join(going.standing.get("again", {})) or cause(told)
        say(f"The first one failed again ({again}), so the others were left as they are.", soft_wrap=True)
        say("Mend the cause first; `--no-canary` replays them all the same.", soft_wrap=True)
    return going.done


async def discard_set(doors: MessagingDoors, service: str, told: Row, second_token: str, acting: Acting) -> int:
    """Discard a set; return how many events were ended."""
    if not _agreed("Discard for ever", told, acting):
        return 0
    done, place = 0, 0
    while place is not None:
        body = {"start": place, "limit": MOST_AT_ONCE, "reason": acting.because}
        answer = await doors.on_set(service, told["handle"], "discard", body, second_token)
        done, place = done + answer["done"], answer["next"]
    return done


def _agreed(verb: str, told: Row, acting: Acting) -> bool:
    """Say what is about to happen; tell whether it is to happen."""
    standing, say = told["standing"], acting.console.print
    untouched = standing.get("untouched", 0)
    number = f"{untouched:,} event{'' if untouched == 1 else 's'}"
    say(Text.assemble((f"{verb} {number}", "bold"), f" of {told['handle']}"), soft_wrap=True)
    say(f"  {told['queue']}  {told['state']}  {cause(told)}", soft_wrap=True)
    if changed := told["count"] - untouched:
        say(
            Text.assemble(f"  {changed:,} changed since they were listed and are left alone: ", _but(told)),
            soft_wrap=True,
        )
    if standing["joined"]:
        say(f"  {standing['joined']:,} joined since and are left alone", soft_wrap=True)
    if acting.dry_run:
        say(Text("  Nothing was done: --dry-run.", style="dim"))
        return False
    if not untouched:
        return False
    if acting.asks and acting.console.is_terminal:
        return typer.confirm(f"{verb}?")
    return True


def _but(told: Row) -> Text:
    return ended({name: count for name, count in told["standing"].items() if name != "untouched"})


async def _without_waiting(going: Replay) -> None:
    place: int | None = 0
    while place is not None:
        place = await going.step(place, min(MOST_AT_ONCE, going.pace.step * 5))


class _Picture:
    """One line that grows, on a terminal; nothing elsewhere."""

    def __init__(self, going: Replay, console: Console) -> None:
        self._going = going
        self._console = console if console.is_terminal else None

    def paint(self, _going: Replay) -> None:
        """Write the line anew."""
        if self._console is None:
            return
        going, total = self._going, self._going.told["count"]
        full = int(going.looked / total * _BAR) if total else _BAR
        line = Text.assemble(
            ("━" * full, "green"), ("━" * (_BAR - full), "dim"), f" {going.looked:,}/{total:,}  ", self._ends()
        )
        self._console.file.write("\r\x1b[2K")
        self._console.print(line, end="", soft_wrap=True)

    def end(self) -> None:
        """Leave the line."""
        if self._console is not None:
            self._console.print()

    def _ends(self) -> Text:
        return ended({name: n for name, n in self._going.standing.items() if name != "untouched"})
