"""What may not be seen is as what does not exist: the same bytes, the same work, the same time (A11)."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from services.records.domain.account import AccountState
from services.records.domain.rights import Grant
from tests.fakes.ingest import INS, OTHER_INS
from tests.unit.records.library import Library


class TestAlike:
    """What may not be seen is as what does not exist."""

    @staticmethod
    async def records(library: Library) -> list[str]:
        """Return records that a doctor may not see, each for another reason."""
        unknown = "ab" * 16
        forbidden = await library.person()
        blocked = await library.person(OTHER_INS)
        library.entitle(blocked, grant=Grant.BLOCKED)
        return [unknown, forbidden, blocked]

    async def test_the_same_bytes(self, library: Library):
        """C29, C30, A11: status, headers and body are the same whatever the reason, at every door."""
        records = await self.records(library)
        for door in ("documents", "documents/" + "0" * 32, "documents/" + "0" * 32 + "/content", "reimbursements"):
            answers = [await library.ask("doctor", f"/{record}/{door}") for record in records]
            assert {(each.status_code, each.content, tuple(each.headers.items())) for each in answers} == {
                (404, answers[0].content, tuple(answers[0].headers.items()))
            }
        assert {trace.data.rule for trace in library.told} == {"record-unknown", "no-consent", "blocked"}

    async def test_the_same_searches(self, library: Library):
        """A11: an INS that nobody has, one whose record is closed and one who blocks are answered alike."""
        closed, blocked = await library.person(), await library.person(OTHER_INS)
        library.becomes(closed, AccountState.CLOSED)
        library.entitle(blocked, grant=Grant.BLOCKED)

        def body(value: str) -> dict[str, Any]:
            return {"ins": {"value": value, "oid": "1.2.250.1.213.1.4.10"}}

        numbers = (INS, OTHER_INS, "255086930322815")
        answers = [await library.ask("doctor", "/search", "POST", json=body(value)) for value in numbers]

        assert {each.status_code for each in answers} == {404}
        assert len({(each.content, tuple(each.headers.items())) for each in answers}) == 1

    async def test_the_same_work(self, library: Library, monkeypatch: pytest.MonkeyPatch):
        """A11: the same is asked of the same stores, and one trace is committed, whatever the reason."""
        asked: list[str] = []

        def watch(store: Any, method: str) -> None:
            real = getattr(store, method)

            async def watched(*args: Any, **more: Any) -> Any:
                asked.append(f"{type(store).__name__}.{method}")
                return await real(*args, **more)

            monkeypatch.setattr(store, method, watched)

        for store, method in (
            (library.room.glances, "some"),
            (library.room.glances, "one"),
            (library.documents, "links"),
            (library.documents, "find"),
            (library.vault, "ensure_keys"),
            (library.vault, "find_subjects"),
        ):
            watch(store, method)
        records = await self.records(library)
        for door in ("documents", "documents/" + "0" * 32):
            work = []
            for record in records:
                asked.clear()
                library.happened.clear()
                await library.ask("doctor", f"/{record}/{door}")
                work.append((tuple(asked), tuple(library.happened)))
            assert work[0][1] == ("trace committed",)
            assert all(one == other for one, other in pairwise(work))

    async def test_the_same_time(self, library: Library, monkeypatch: pytest.MonkeyPatch):
        """A11: every denial waits for the same moment, an hour after its request here; a permitted answer does not."""
        waited: list[float] = []
        sleep = asyncio.sleep

        async def at_once(seconds: float) -> None:
            waited.append(seconds)
            await sleep(0)

        records = await self.records(library)
        library.entitle(records[1])
        monkeypatch.setattr("shared.http.even.EVEN_S", 3_600)
        monkeypatch.setattr(asyncio, "sleep", at_once)

        ends = []
        for record in records:
            waited.clear()
            answer = await library.ask("doctor", f"/{record}/documents")
            ends.append((answer.status_code, [round(seconds, -2) for seconds in waited if seconds]))

        assert ends == [(404, [3_600]), (200, []), (404, [3_600])]
