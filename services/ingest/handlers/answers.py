"""Waits for what records makes of deposits: one look at the store for everybody who waits, none while nobody does."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import structlog

from services.ingest.domain.deposits import Deposit
from services.ingest.ports import DepositStore
from shared.messaging.failures import Failure, classify

EVERY_S: Final = 0.02

log = structlog.get_logger()


class Answers:
    """Those who wait in one process."""

    def __init__(self, deposits: DepositStore, *, every: float = EVERY_S) -> None:
        self._deposits = deposits
        self._every = every
        self._waiting: defaultdict[str, set[asyncio.Future[Deposit]]] = defaultdict(set)
        self._looking: asyncio.Task[None] | None = None

    async def wait(self, document: str, seconds: float) -> Deposit | None:
        """Return a deposit as soon as its fate is known, None if it is not after so many seconds."""
        told: asyncio.Future[Deposit] = asyncio.get_running_loop().create_future()
        self._waiting[document].add(told)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(seconds):
                return await told
        except TimeoutError:
            return None
        finally:
            self._leave(document, told)

    def _leave(self, document: str, told: asyncio.Future[Deposit]) -> None:
        waiting = self._waiting[document]
        waiting.discard(told)
        if not waiting:
            del self._waiting[document]

    async def _look(self) -> None:
        """Look at intervals while somebody waits; a store that does not answer is looked at again."""
        while self._waiting:
            await asyncio.sleep(self._every)
            try:
                self._tell(await self._deposits.ended(list(self._waiting)))
            except Exception as error:
                if classify(error) is not Failure.INFRASTRUCTURE:
                    raise
                log.warning("answers_not_read", error=type(error).__name__)

    def _tell(self, ended: Mapping[str, Deposit]) -> None:
        for document, deposit in ended.items():
            for told in self._waiting.get(document, ()):
                if not told.done():
                    told.set_result(deposit)
