"""What a database may answer: a commit that was applied and reported as failed, one that failed, a step down."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from pymongo.errors import PyMongoError

from chaos.faults import NotNowError
from chaos.rig import Rig

_OFTEN: Final = (5, 30)
"""How many commands a failpoint strikes, at least and at most."""

_WRITE_CONCERN: Final = {"code": 64, "codeName": "WriteConcernFailed", "errmsg": "waiting for replication timed out"}
_CONFLICT: Final = 112
_TRANSIENT: Final = ["TransientTransactionError"]


@dataclass(slots=True)
class Failpoint:
    """MongoDB's own: the next so many commands of a kind fail in a given way."""

    name: str
    data: Mapping[str, Any]
    lasts: float = 5.0
    seen: int = 0
    _armed: bool = False

    async def inject(self, rig: Rig, dice: Random) -> str:
        """Arm it; a database that is away has no failpoints."""
        times = dice.randint(*_OFTEN)
        await self._configure(rig, {"times": times}, {"data": dict(self.data)})
        self._armed = True
        return f"{times} of {', '.join(self.data['failCommands'])}"

    async def heal(self, rig: Rig) -> None:
        """Disarm it, and ask how often it struck."""
        if self._armed:
            self._armed = False
            try:
                self.seen += int((await self._configure(rig, "off")).get("count", 0))
            except NotNowError:
                return  # the database began anew, without it

    async def _configure(self, rig: Rig, mode: Any, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            return await rig.mongo.admin.command({"configureFailPoint": "failCommand", "mode": mode, **(more or {})})
        except PyMongoError as error:
            raise NotNowError from error


@dataclass(slots=True)
class StepDown:
    """The primary steps down, as when another member was elected; it comes back by itself."""

    name: str = "step-down"
    lasts: float = 4.0
    seen: int = 0

    async def inject(self, rig: Rig, dice: Random) -> str:  # noqa: ARG002 - there is one primary
        """Have it step down for some seconds."""
        try:
            await rig.mongo.admin.command({"replSetStepDown": 3, "force": True})
        except PyMongoError as error:
            raise NotNowError from error
        self.seen += 1
        return "database"

    async def heal(self, rig: Rig) -> None:
        """Nothing to undo: it is elected again."""


def database() -> tuple[Failpoint | StepDown, ...]:
    """Return everything that a database may do to its clients without dying."""
    commit = ["commitTransaction"]
    writes = ["insert", "update", "delete", "findAndModify"]
    return (
        Failpoint("commit-unknown", {"failCommands": commit, "writeConcernError": _WRITE_CONCERN}),
        Failpoint("commit-failed", {"failCommands": commit, "errorCode": _CONFLICT, "errorLabels": _TRANSIENT}),
        Failpoint("commit-cut", {"failCommands": commit, "closeConnection": True}),
        Failpoint("commit-slow", {"failCommands": commit, "blockConnection": True, "blockTimeMS": 1_500}, lasts=8.0),
        Failpoint("write-concern", {"failCommands": writes, "writeConcernError": _WRITE_CONCERN}),
        StepDown(),
    )
