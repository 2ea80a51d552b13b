"""Nobody sees another's list, and nobody sees the own one without a trace."""

from dataclasses import replace
from typing import Any

import pytest
from pymongo.errors import ServerSelectionTimeoutError

from shared.contracts.accesses import AccessTracedV1
from shared.messaging.gathering import OverloadedError
from shared.messaging.unit import Unit
from tests.unit.audit.registry import ALICE, BRUNO, Registry, ask, listed, outcome


class TestOthers:
    """Nobody sees another's list."""

    async def test_only_the_own(self, registry: Registry):
        """41: each person's list holds that person's record and no other's."""
        await registry.read(ALICE, 2)
        await registry.read(BRUNO)

        assert [line["index"] for line in await listed(registry)] == [1, 0]
        assert [line["index"] for line in await listed(registry, name="bruno")] == [2]

    @pytest.mark.parametrize(
        "query",
        ["?record={0}", "?patient={0}", "?subject={0}", "?ins=284058832102532", "?ins[$ne]=", "?limit=1&limit=100"],
    )
    async def test_no_such_parameter(self, registry: Registry, query: str):
        """41, 45: a parameter that would ask for another's list does not exist, and is not silently passed over."""
        await registry.read(BRUNO)

        answer = await ask(registry, query.format(await registry.record(BRUNO)))

        assert outcome(answer) == (400, "parameter-unknown")

    async def test_no_such_path(self, registry: Registry):
        """41: another's list has no address."""
        other = await registry.record(BRUNO)

        assert (await ask(registry, f"/{other}")).status_code == 404
        assert (await ask(registry, "/../../accesses/" + other)).status_code == 404

    async def test_another_s_cursor(self, registry: Registry):
        """42: a cursor out of another person's list is refused, and so is one that nobody was given."""
        await registry.read(ALICE, 3)
        await registry.read(BRUNO, 3)
        foreign = (await ask(registry, "?limit=1", "bruno")).json()["next"]
        own = (await ask(registry, "?limit=1")).json()["next"]

        forged = ("B" if own[0] == "A" else "A") + own[1:]
        for cursor in (foreign, forged, own + "AAAA", own[:-4], "", "x", "%00", "é", "=" * 32, "A" * 33):
            assert outcome(await ask(registry, f"?cursor={cursor}")) == (400, "cursor-invalid"), cursor
        assert (await ask(registry, f"?cursor={own}")).status_code == 200

    async def test_nobody(self, registry: Registry):
        """11: a number without a record is answered 404; that somebody asked is traced, about nobody."""
        answer = await ask(registry, name="nobody")

        (trace,) = registry.published
        assert outcome(answer) == (404, "record-unavailable")
        assert isinstance(trace, AccessTracedV1)
        assert (trace.subject, trace.data.outcome, trace.data.rule) == (None, "denied", "record-unknown")

    async def test_neither(self, registry: Registry):
        """F59: who is neither patient nor professional has no list."""
        assert outcome(await ask(registry, name="machine")) == (403, "other-kind")


class TestTraced:
    """No trace, no answer."""

    async def test_reading_is_traced(self, registry: Registry):
        """F57: reading the list is itself traced, about the record, and is in the list the next time."""
        await ask(registry, **{"user-agent": "Navigateur/1.0"})

        (trace,) = registry.published
        assert isinstance(trace, AccessTracedV1)
        assert (trace.subject, trace.source) == (await registry.record(ALICE), "/audit")
        assert (trace.data.action, trace.data.outcome, trace.data.rule) == ("accesses-listed", "permitted", "holder")

        await registry.log_events(trace)
        (line,) = await listed(registry)
        assert (line["description"], line["actor"]["type"]) == ("a consulté l'historique des accès", "PATIENT")

    @pytest.mark.parametrize("error", [ServerSelectionTimeoutError("down"), OverloadedError(), TimeoutError()])
    async def test_no_trace_no_answer(self, registry: Registry, error: Exception):
        """112: if the trace cannot be made durable the answer is 503, and not one entry was read."""

        async def fails(_unit: Unit) -> None:
            raise error

        await registry.read()
        answer = await ask(replace(registry.desk, append=fails))

        assert outcome(answer) == (503, "unavailable")
        assert answer.headers["retry-after"] == "5"
        assert registry.entries.asked == 0

    async def test_no_log_no_answer(self, registry: Registry):
        """112: if the log cannot be read the answer is 503, without a line."""

        class Down:
            async def about(self, record: str, **_bounds: Any) -> Any:
                raise ServerSelectionTimeoutError("down")

        answer = await ask(replace(registry.desk, entries=Down()))

        assert outcome(answer) == (503, "unavailable")
        assert "accesses" not in answer.json()

    async def test_a_refused_question_is_asked_of_nobody(self, registry: Registry):
        """42: a page that nobody may have is neither traced as seen nor read."""
        await ask(registry, "?cursor=x")

        assert (registry.published, registry.entries.asked) == ([], 0)
