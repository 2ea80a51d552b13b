"""Beginnings in memory, shared by the processes of a test, and a valve that is turned by hand."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.messaging.starts import Deaths


@dataclass(slots=True)
class Valve:
    """`shared.messaging.consumer.Valve`."""

    high: bool = False


@dataclass(slots=True)
class _Claim:
    by: str | None
    alone: bool = False
    deaths: Deaths = field(default_factory=Deaths)


@dataclass(slots=True)
class InMemoryStarts:
    """What a service's processes began; a test says which of them are dead."""

    steps: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    claims: dict[str, _Claim] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)

    def of(self, process: str) -> "StartsOfProcess":
        """Return `Starts` as a process has it."""
        return StartsOfProcess(self, process)


@dataclass(slots=True)
class StartsOfProcess:
    """`Starts` without a database."""

    shared: InMemoryStarts
    process: str

    async def begin(self, message: str, step: str, name: str, ended: str | None = None) -> Mapping[str, int]:
        """See `Starts.begin`."""
        steps = self.shared.steps.setdefault(message, {})
        steps.setdefault(step, set()).add(name)
        if ended is not None:
            steps.pop(ended, None)
        return {each: len(names) for each, names in steps.items()}

    async def end(self, message: str) -> None:
        """See `Starts.end`."""
        self.shared.steps.pop(message, None)

    async def claim(self, rows: Sequence[str]) -> Mapping[str, Deaths]:
        """See `Starts.claim`."""
        claims = self.shared.claims
        for row in rows:
            claim = claims.setdefault(row, _Claim(self.process))
            if claim.by is None:
                claim.by, claim.alone = self.process, False
            elif claim.by in self.shared.dead - {self.process}:
                claims[row] = _Claim(self.process, deaths=_once_more(claim))
        return {row: claims[row].deaths for row in rows if claims[row].by == self.process}

    async def go_alone(self, row: str) -> None:
        """See `Starts.go_alone`."""
        self.shared.claims[row].alone = True

    async def release(self, rows: Collection[str]) -> None:
        """See `Starts.release`."""
        for row in rows:
            self.shared.claims.pop(row, None)

    async def leave(self) -> None:
        """See `Starts.leave`."""
        for claim in self.shared.claims.values():
            claim.by = None if claim.by == self.process else claim.by

    async def set_apart(self, row: str) -> None:
        """See `Starts.set_apart`."""
        self.shared.claims[row] = _Claim(None, deaths=Deaths(together=1))


def _once_more(claim: _Claim) -> Deaths:
    if claim.alone:
        return replace(claim.deaths, alone=claim.deaths.alone + 1)
    return replace(claim.deaths, together=claim.deaths.together + 1)
