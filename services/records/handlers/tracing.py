"""No answer without a durable trace: written before anything is sent, and refused while too many are not in the log."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from services.records.domain.decision import Rule
from services.records.ports import TraceStore
from shared.clock import Clock
from shared.contracts.accesses import AccessTracedV1, AccessV1, Action
from shared.errors import CarnetError
from shared.messaging.traces import trace_access
from shared.messaging.unit import Unit
from shared.sealing import Vault

SERVICE: Final = "records"

PATIENCE: Final = timedelta(seconds=60)
"""How long a trace may wait for the log before nobody reads any more."""

_LOOK_EVERY: Final = timedelta(seconds=1)


class LogBehindError(CarnetError):
    """Traces have waited too long to be in the log: nothing is shown until they are."""


Keep: TypeAlias = Callable[[AccessTracedV1], Awaitable[None]]
"""Returns once a trace is durable, or raises; its message follows."""


@dataclass(slots=True)
class Tracer:
    """Writes traces. ``clock`` tells when something happened, ``machine`` how long it has waited."""

    traces: TraceStore
    keep: Keep
    vault: Vault
    clock: Clock
    machine: Clock
    index_key: bytes = field(repr=False)
    _oldest: datetime | None = field(default=None, init=False)
    _look_at: datetime | None = field(default=None, init=False)

    async def check(self) -> None:
        """Raise `LogBehindError` while a trace waits for longer than `PATIENCE`."""
        now = self.machine.now()
        if self._look_at is None or now >= self._look_at:
            self._oldest = await self.traces.oldest()
            self._look_at = now + _LOOK_EVERY
        if self._oldest is not None and now - self._oldest > PATIENCE:
            raise LogBehindError

    async def write(self, access: AccessV1, *, record: str | None, action: Action, rule: Rule) -> None:
        """Return once the trace is durable; raise if it is not, or not known to be: then nothing may be sent."""
        await self.check()
        await self.keep(await self._event(access, record, action, rule))

    async def add(self, access: AccessV1, unit: Unit, *, record: str | None, action: Action, rule: Rule) -> None:
        """Write the trace of a change down with the change itself."""
        event = await self._event(access, record, action, rule)
        self.traces.add(event.id, self.machine.now(), unit)
        unit.emit(event)

    async def _event(self, access: AccessV1, record: str | None, action: Action, rule: Rule) -> AccessTracedV1:
        return await trace_access(
            access,
            record=record,
            action=action,
            outcome="permitted" if rule.permits else "denied",
            rule=rule.value,
            service=SERVICE,
            time=self.clock.now(),
            vault=self.vault,
            index_key=self.index_key,
        )
