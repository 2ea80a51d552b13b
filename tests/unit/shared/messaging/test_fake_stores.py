"""The fakes keep what the real inbox and outbox promise."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from shared.messaging.failures import RacedError
from shared.messaging.unit import Effect
from tests.fakes.messaging import InMemoryInbox, InMemoryOutbox, ManualClock
from tests.unit.shared.messaging.store_suite import QUEUE, StoreSuite


class FakeStores:
    """The stores in memory."""

    def __init__(self) -> None:
        self.added: dict[str, bool] = {}
        self.outbox = InMemoryOutbox(ManualClock())
        self.inbox = InMemoryInbox(self.outbox, [self.added])

    def effect(self, name: str) -> Effect:
        """See `Stores.effect`."""

        async def add(_session: object) -> None:
            if name in self.added:
                raise RacedError
            self.added[name] = True

        return add

    async def names(self) -> set[str]:
        """See `Stores.names`."""
        return set(self.added)

    async def books(self) -> Mapping[str, int]:
        """See `Stores.books`."""
        return dict(self.inbox.books.get(QUEUE, {}))

    async def backdate(self, row_id: str, seconds: float) -> None:
        """See `Stores.backdate`."""
        if row_id in self.outbox.rows:
            self.outbox.rows[row_id].created -= timedelta(seconds=seconds)

    async def silence(self, owner: str, seconds: float) -> None:
        """See `Stores.silence`."""
        self.outbox.beats[owner] -= timedelta(seconds=seconds)

    async def is_sent(self, row_id: str) -> bool:
        """See `Stores.is_sent`."""
        return self.outbox.rows[row_id].sent


class TestFakeStores(StoreSuite):
    """The suite, on the fakes."""

    @pytest.fixture
    def stores(self) -> FakeStores:
        """Give empty stores."""
        return FakeStores()
