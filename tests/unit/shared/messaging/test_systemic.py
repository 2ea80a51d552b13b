"""Where everything fails alike, the flow waits, and nobody is blamed (rule 5)."""

import asyncio

from shared.messaging.unit import State, Unit
from tests.unit.shared.messaging.shop import Shop, Thing
from tests.unit.shared.messaging.troubles import BugError, bug_in, row_of


class TestSystemic:
    """Half a batch, or three batches running, with one fingerprint: pause, probe, park nothing (rule 5)."""

    async def test_half_a_batch(self, shop: Shop):
        """A flow whose batch fails by half parks nothing, and goes on by itself when the cause is gone."""
        broken = bug_in(*(f"t{n}" for n in range(0, 200, 2)))
        paused: list[str | None] = []

        def decide(event: Thing, unit: Unit) -> None:
            paused.append(shop.settler.paused)
            if paused.count(paused[-1]) < 10 or paused[-1] is None:
                broken(event, unit)

        shop.decide = decide
        await shop.take_things(200)

        assert any(mark is not None and mark.startswith("BugError@") for mark in paused)
        assert shop.settler.paused is None
        assert shop.inbox.states()[State.DONE] + shop.inbox.states()[State.WAITING] == 200
        assert shop.inbox.states()[State.PARKED] == 0

    async def test_resumes_whole(self, shop: Shop):
        """The probe that shows the cause is gone is neither lost nor counted as a duplicate of itself."""
        failing = {"now": True}

        def decide(_event: Thing, _unit: Unit) -> None:
            if failing["now"] and shop.settler.paused is None:
                raise BugError
            failing["now"] = False

        shop.decide = decide
        await shop.take_things(20)

        assert shop.books == {"done": 20}
        assert set(shop.kept.values()) == {1}
        assert len(shop.kept) == 20

    async def test_probes_in_turn(self, shop: Shop):
        """A probe that is bad in itself does not hold the flow: the events that failed take turns."""
        state = {"broken": True}

        def decide(event: Thing, _unit: Unit) -> None:
            if event.id == "t9" or state["broken"]:
                raise BugError

        shop.decide = decide

        async def mend() -> None:
            while shop.settler.paused is None:  # noqa: ASYNC110 - the settler tells nobody when it pauses
                await asyncio.sleep(0)
            state["broken"] = False

        await asyncio.gather(shop.take_things(10), mend())

        assert shop.inbox.states() == {State.DONE: 9, State.WAITING: 1}
        assert row_of(shop, "t9").attempts == 1

    async def test_three_batches_running(self, shop: Shop):
        """Small batches that fail one after another speak of a common cause too, once ten events have failed."""
        mended = False

        def decide(_event: Thing, _unit: Unit) -> None:
            nonlocal mended
            mended = mended or shop.settler.paused is not None
            if not mended:
                raise BugError

        shop.decide = decide
        for start in range(0, 12, 4):
            await shop.take_things(4, start)

        assert shop.inbox.states() == {State.WAITING: 8, State.DONE: 4}

    async def test_a_good_batch_between(self, shop: Shop):
        """Failures with good batches in between are events' own (rule 5)."""
        shop.decide = bug_in(*(f"t{n}" for n in range(0, 100, 5)))
        for n in range(100):
            await shop.take_things(1, n)

        assert shop.inbox.states() == {State.DONE: 80, State.WAITING: 20}
