"""A process states how far its numbers have come: a last trace that is missing shows by nothing else (F57)."""

import asyncio
from typing import Final

import structlog

from shared.contracts.accesses import AccessCountedV1, AccessCountedV1Data
from shared.messaging import instants
from shared.messaging.acts import Perform
from shared.messaging.failures import Failure, classify
from shared.messaging.numbers import Numbers
from shared.messaging.unit import Unit

EVERY_S: Final = 5.0

log = structlog.get_logger()


async def state_numbers(numbers: Numbers, service: str, perform: Perform) -> None:
    """State the numbers that went on, every few seconds until cancelled."""
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            await state_once(numbers, service, perform)
        except Exception as error:
            if classify(error) is Failure.DATA:
                raise
            log.info("numbers_untold", error=type(error).__name__)


async def state_once(numbers: Numbers, service: str, perform: Perform) -> None:
    """State them now, if there are any news."""
    news = numbers.news()
    if not news:
        return
    event = AccessCountedV1.new(source=f"/{service}", time=instants.now(), data=AccessCountedV1Data(producers=news))

    async def work(unit: Unit) -> None:
        unit.emit(event)

    await perform(work)
    numbers.told(news)
