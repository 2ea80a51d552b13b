"""What the entries say, for whoever verifies the whole log: read by an operator, and that it was read is logged first.

The texts are the events as they were published: whom and what they concern personally is sealed inside them still.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.audit.domain.entries import Entry, Kept
from services.audit.domain.shown import Unreadable
from services.audit.handlers.opening import Texts, open_texts
from services.audit.handlers.proving import groups
from services.audit.ports import Append, LogReader, Vaults
from shared.clock import Clock
from shared.contracts.operations import OperatorActedV1, OperatorActedV1Data
from shared.messaging.unit import Unit
from verifier.leaves import parse_leaf

SERVICE: Final = "audit"

_STEP: Final = 512


@dataclass(frozen=True, slots=True)
class Archive:
    """What stands behind an export."""

    log: LogReader
    vaults: Vaults
    append: Append
    clock: Clock

    async def note(self, operator: str, start: int, limit: int) -> None:
        """Write down who reads what, before anything is read."""
        data = OperatorActedV1Data(
            service=SERVICE, operator=operator, act="show", targets=[f"openings {start}-{start + limit - 1}"]
        )
        unit = Unit()
        unit.emit(OperatorActedV1.new(source=f"/{SERVICE}", time=self.clock.now(), data=data))
        await self.append(unit)

    async def lines(self, start: int, limit: int) -> AsyncIterator[bytes]:
        """Yield the lines of ``openings.jsonl`` from an entry on, as the verifier reads them.

        An entry whose texts were destroyed has no line; one whose box does not open has a line that says so. Texts are
        not compared with their commitments here: that is for the verifier, who names what differs.
        """
        for at in range(start, start + limit, _STEP):
            count = min(_STEP, start + limit - at)
            leaves, openings = await self.log.leaves(at, count), await self.log.openings(at, count)
            kept = [Kept(Entry(n, parse_leaf(raw)), openings[n]) for n, raw in leaves if n in openings]
            texts = await open_texts(kept, self.vaults, proved=False)
            yield b"".join(_line(each.entry.index, text) for each, text in zip(kept, texts, strict=True))
            if len(leaves) < count:
                return


def _line(index: int, texts: Texts | Unreadable) -> bytes:
    if texts is Unreadable.ERASED:
        return b""
    told: Mapping[str, Any] = {"unreadable": True} if isinstance(texts, Unreadable) else {"groups": groups(texts)}
    return json.dumps({"index": index, **told}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
