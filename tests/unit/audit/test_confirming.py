"""Which traces records is told are in the log."""

from uuid import uuid4

from tests.unit.audit.registry import ALICE, BRUNO, Registry, opened


class TestConfirmed:
    """Records is told which of its traces are in the log."""

    async def test_told_once_per_commit(self, registry: Registry):
        """F57: the traces of a batch are confirmed with the commit that logs them, by their ids only."""
        traces = [await registry.trace(ins) for ins in (ALICE, BRUNO)]

        unit = await registry.log_events(traces[0], opened(await registry.record(ALICE)), traces[1])

        (told,) = unit.emitted
        assert (told.exchange, told.key) == ("logged", "access.logged.v1")
        assert told.event.data.events == [trace.id for trace in traces]  # type: ignore[attr-defined]

    async def test_told_again(self, registry: Registry):
        """A trace that comes again, though it is in the log, is confirmed again: the first word may be lost."""
        trace = await registry.trace(ALICE)
        await registry.log_events(trace)

        async def recorded(names: set[bytes]) -> set[bytes]:
            return set(names)

        registry.log.recorded = recorded  # type: ignore[method-assign, assignment]
        assert len((await registry.log_events(trace)).emitted) == 1
        assert len(registry.storage.leaves) == 1

    async def test_nobody_else_is_told(self, registry: Registry):
        """Traces of other services are logged and confirmed to nobody; so is whatever is no trace or has no such id."""
        trace = await registry.trace(ALICE)
        others = [
            trace.model_copy(update={"source": "/ingest", "id": uuid4().hex}),
            trace.model_copy(update={"source": "/audit", "id": uuid4().hex}),
            trace.model_copy(update={"id": "Strange:1"}),
            opened(await registry.record(ALICE)),
        ]

        assert (await registry.log_events(*others)).emitted == []
        assert len(registry.storage.leaves) == 4
