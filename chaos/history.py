"""What was done during a run and what came of it, in Jepsen's words, so that it can be judged afterwards and by others.

One line of JSON per moment: seconds since the run began, who acted, what was tried, and the phase. An operation is
invoked, then it ends `ok` (it took effect), `fail` (it certainly did not) or `info` (nobody knows). What was invoked
and never ended is unknown as well: whoever asked may have been cut off at any moment.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import IO, Any, Final, Literal, Self, TypeAlias

import orjson

Phase: TypeAlias = Literal["invoke", "ok", "fail", "info"]

UNKNOWN: Final = "info"


@dataclass(slots=True)
class Operation:
    """An operation under way; left without an end, it is of unknown outcome."""

    history: "History"
    process: str
    op: str
    number: int
    ended: bool = False

    def ok(self, **facts: Any) -> None:
        """It took effect."""
        self._end("ok", facts)

    def fail(self, **facts: Any) -> None:
        """It certainly took no effect."""
        self._end("fail", facts)

    def unknown(self, **facts: Any) -> None:
        """Nobody knows whether it took effect."""
        self._end("info", facts)

    def _end(self, phase: Phase, facts: dict[str, Any]) -> None:
        if not self.ended:
            self.ended = True
            self.history.record(self.process, self.op, phase, n=self.number, **facts)


class History:
    """A file that grows; each line is written out at once, so that it survives whoever writes it."""

    def __init__(self, file: IO[bytes], began: float) -> None:
        self._file = file
        self._began = began
        self._numbers = count(1)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Begin a history in a new file, with the time of day; raise `FileExistsError` where there is one."""
        history = cls(path.open("xb", buffering=0), time.monotonic())
        history.record("rig", "begin", "info", at=time.time())
        return history

    def record(self, process: str, op: str, phase: Phase, **facts: Any) -> None:
        """Write one moment down; ``facts`` are JSON."""
        line = {"t": round(time.monotonic() - self._began, 6), "process": process, "op": op, "phase": phase, **facts}
        self._file.write(orjson.dumps(line) + b"\n")

    @contextmanager
    def operation(self, process: str, op: str, **facts: Any) -> Iterator[Operation]:
        """Invoke an operation; whoever leaves without having ended it leaves it unknown, errors included.

        Its lines share a number ``n``: one process may have several under way.
        """
        operation = Operation(self, process, op, next(self._numbers))
        self.record(process, op, "invoke", n=operation.number, **facts)
        try:
            yield operation
        except BaseException as error:
            operation.unknown(error=type(error).__name__)
            raise
        operation.unknown()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class Done:
    """One operation as it can be judged: what was tried, and how it ended (`info` if nobody knows)."""

    n: int
    process: str
    op: str
    began: float
    ended: float | None
    outcome: Phase
    asked: dict[str, Any] = field(default_factory=dict)
    """What was told at the beginning."""
    told: dict[str, Any] = field(default_factory=dict)
    """What was told at the end."""


_ENVELOPE: Final = frozenset({"t", "process", "op", "phase", "n"})


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read a history; a last line that was cut off in the middle is left out."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield orjson.loads(line)


def operations(moments: Sequence[dict[str, Any]]) -> list[Done]:
    """Return every numbered operation, in the order in which they were invoked."""
    found: dict[int, Done] = {}
    for moment in moments:
        if (number := moment.get("n")) is None:
            continue
        facts = {name: value for name, value in moment.items() if name not in _ENVELOPE}
        if moment["phase"] == "invoke":
            found[number] = Done(number, moment["process"], moment["op"], moment["t"], None, UNKNOWN, facts)
        elif number in found:
            began = found[number]
            found[number] = Done(
                number, began.process, began.op, began.began, moment["t"], moment["phase"], began.asked, facts
            )
    return list(found.values())
