"""What a refused document leaves behind, its sealed bytes, is removed after a while (design 6, the job ``gc``)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from services.records.domain.contents import removable
from services.records.ports import ContentBin, DocumentStore, UnclaimedStore
from shared.clock import Clock
from shared.messaging.acts import Perform
from shared.messaging.unit import Unit

SLICE: Final = 500
"""Contents that are removed at once."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """The stores behind the job. ``machine``: how long something has been there is no matter of business time."""

    unclaimed: UnclaimedStore
    documents: DocumentStore
    bin: ContentBin
    machine: Clock
    grace: timedelta


async def sweep_contents(perform: Perform, *, sweep: Sweep) -> None:
    """Remove the bytes of documents that were refused longer ago than the grace, and that no document names.

    The bytes go first: a process that dies in between finds nothing to remove the next time, and forgets it. An
    instance that was overtaken removes only what its successor would, because a refusal is final and a document that
    comes again comes with bytes of its own.
    """
    before = sweep.machine.now() - sweep.grace
    while found := await sweep.unclaimed.since_before(before, SLICE):
        claims = await sweep.documents.contents({each.document for each in found})
        left = await sweep.bin.remove(removable(found, claims), before=before)
        done = {each.content for each in found} - left
        if not done:
            return
        await perform(partial(_forget, done, unclaimed=sweep.unclaimed))


async def _forget(contents: Collection[str], unit: Unit, *, unclaimed: UnclaimedStore) -> None:
    unclaimed.remove(contents, unit)
