"""Ends deposits by what records made of them, so that their depositors are answered."""

from collections.abc import Sequence
from typing import TypeAlias

from services.ingest.domain.deposits import Deposit, DepositState, end
from services.ingest.ports import DepositStore
from shared.clock import Clock
from shared.contracts.records import DocumentRefusedV1, DocumentStoredV1
from shared.messaging.unit import Unit

Fate: TypeAlias = DocumentStoredV1 | DocumentRefusedV1


async def end_deposits(events: Sequence[Fate], unit: Unit, *, deposits: DepositStore, clock: Clock) -> None:
    """Write each deposit's fate once; news of a deposit that has ended, or that ingest never took, are ignored."""
    read = await deposits.find({event.data.document_id for event in events})
    ended: dict[str, Deposit] = {}
    now = clock.now()
    for event in events:
        document = event.data.document_id
        known = ended.get(document) or read.get(document)
        if known is None or known.state is not DepositState.RECEIVED:
            unit.ignore(event, "deposit-ended")
            continue
        reason = event.data.reason if isinstance(event, DocumentRefusedV1) else None
        ended[document] = end(known, now, reason)
    deposits.save(list(ended.values()), unit, read=read)
