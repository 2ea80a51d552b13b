"""No read without a durable trace: order, content, denials, and what happens while traces cannot be written."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from pymongo.errors import AutoReconnect, ServerSelectionTimeoutError

from services.records.domain.account import AccountState
from services.records.domain.rights import Grant
from shared.messaging.gathering import OverloadedError
from tests.fakes.ingest import INS, OTHER_INS
from tests.fakes.reads import CDA
from tests.unit.records.library import DOCTOR, Library, refusal

SEARCH = {"json": {"ins": {"value": INS, "oid": "1.2.250.1.213.1.4.10"}}}


async def _reads(library: Library) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Return a record's reads by action: path, method, body; the doctor is authorised."""
    record = await library.person()
    name = await library.deposit(record)
    await library.reimburse(record)
    library.entitle(record)
    return {
        "record-searched": ("/search", "POST", SEARCH),
        "documents-listed": (f"/{record}/documents", "GET", {}),
        "document-described": (f"/{record}/documents/{name}", "GET", {}),
        "document-read": (f"/{record}/documents/{name}/content", "GET", {}),
        "reimbursements-listed": (f"/{record}/reimbursements?month=2026-10", "GET", {}),
    }


async def test_each_read_leaves_one_trace(library: Library):
    """F57: each read of each kind leaves exactly one trace, under the record it was about."""
    for action, (path, method, more) in (await _reads(library)).items():
        library.told.clear()
        answer = await library.ask("doctor", path, method, **more)

        assert answer.status_code == 200
        (trace,) = library.told
        assert (trace.data.action, trace.data.outcome) == (action, "permitted")
        assert trace.subject is not None
        assert trace.id in library.traces.rows


async def test_heads_and_304_too(library: Library):
    """F57: a HEAD and an answer without content are reads, and nothing is opened for them."""
    reads = await _reads(library)
    path, _, _ = reads["document-read"]
    etag = (await library.ask("doctor", path)).headers["etag"]
    library.told.clear()
    library.happened.clear()

    head = await library.ask("doctor", path, "HEAD")
    same = await library.ask("doctor", path, headers={"if-none-match": f'"other", W/{etag}'})
    lists = await library.ask("doctor", reads["documents-listed"][0], "HEAD")

    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(CDA)))
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert (lists.status_code, lists.content) == (200, b"")
    assert [trace.data.action for trace in library.told] == ["document-read", "document-read", "documents-listed"]
    assert "content fetched" not in library.happened


async def test_denied_heads_too(library: Library):
    """C29: neither a HEAD nor an ETag tells of what may not be seen."""
    record = await library.person()
    name = await library.deposit(record)
    content = library.documents.rows[name].content

    for method, headers in (("HEAD", {}), ("GET", {"if-none-match": f'"{content}"'}), ("GET", {"if-none-match": "*"})):
        answer = await library.ask("doctor", f"/{record}/documents/{name}/content", method, headers=headers)
        assert answer.status_code == 404
        assert library.last() == ("document-read", "denied", "no-consent")


async def test_the_trace_comes_first(library: Library):
    """I112: the trace is committed before the content is even fetched."""
    path, _, _ = (await _reads(library))["document-read"]
    library.happened.clear()

    assert (await library.ask("doctor", path)).content == CDA
    assert library.happened == ["trace committed", "content fetched"]


@pytest.mark.parametrize(
    "failure",
    [AutoReconnect("away"), ServerSelectionTimeoutError("away"), TimeoutError(), OverloadedError(), OSError("reset")],
    ids=lambda failure: type(failure).__name__,
)
async def test_no_trace_no_answer(library: Library, failure: Exception):
    """I112: where the trace cannot be written, every door answers 503 and not a byte of what was asked for."""
    reads = await _reads(library)
    library.failure = failure

    for path, method, more in reads.values():
        answer = await library.ask("doctor", path, method, **more)
        assert refusal(answer) == (503, "unavailable")
        assert answer.headers["retry-after"] == "5"
    assert "content fetched" not in library.happened


async def test_a_bug_is_no_answer_either(library: Library):
    """A failure of our own is 500, and not a byte of a document either."""
    path, _, _ = (await _reads(library))["document-read"]
    library.failure = KeyError("bug")

    assert refusal(await library.ask("doctor", path)) == (500, "internal")
    assert "content fetched" not in library.happened


async def test_while_the_log_is_behind(library: Library):
    """Reads go on until the oldest trace that is not in the log is 60 s old, then 503 until it is (design 5)."""
    reads = await _reads(library)
    path = reads["documents-listed"][0]
    assert (await library.ask("doctor", path)).status_code == 200
    library.machine.instant += timedelta(seconds=60)
    assert (await library.ask("doctor", path)).status_code == 200
    library.machine.instant += timedelta(seconds=2)

    for read, method, more in reads.values():
        answer = await library.ask("doctor", read, method, **more)
        assert refusal(answer) == (503, "log-behind")
        assert answer.headers["retry-after"] == "5"
    change = await library.ask("alice", "/me/professionals/" + DOCTOR, "PUT", json={"status": "blocked"})
    assert refusal(change) == (503, "log-behind")

    library.traces.rows.clear()
    library.machine.instant += timedelta(seconds=1)
    assert (await library.ask("doctor", path)).status_code == 200


async def test_business_time_does_not_age_traces(library: Library):
    """A clock that a demonstration moves months ahead makes no trace old."""
    path = (await _reads(library))["documents-listed"][0]
    await library.ask("alice", "/me/documents")
    library.clock.instant += timedelta(days=90)

    assert (await library.ask("doctor", path)).status_code == 200


async def test_what_a_trace_holds(library: Library):
    """F57, R1111-43: who, with which software, about what stands in the box; the rule in clear, no name of anybody."""
    reads = await _reads(library)
    await library.ask("doctor", reads["document-read"][0])

    access = library.opened()

    assert access.actor.model_dump() == {
        "kind": "professional",
        "number": DOCTOR,
        "name": "KIT DOC0036624",
        "profession": "10",
        "organisation_id": None,
        "organisation": "CABINET M",
    }
    assert (access.software, access.documents) == ("LogicielMed/7.1", [reads["document-read"][0].split("/")[3]])
    assert DOCTOR not in library.told[-1].to_json().decode()

    await library.ask("alice", "/me/documents")
    assert (library.opened().actor.kind, library.opened().actor.number) == ("patient", None)
    assert len(library.opened().documents) == 1
    await library.ask("alice", "/me/reimbursements?month=2026-10")
    assert library.opened().month == "2026-10"


async def test_somebody_else_is_told_from_the_person(library: Library):
    """F57, F58: another patient before a record is in its trace by the token's subject, the record's own is not."""
    alice, bob = await library.person(), await library.person(OTHER_INS)

    for record in (bob, "f" * 32):
        assert (await library.ask("alice", f"/{record}/documents")).status_code == 404
        assert (library.last()[1], library.opened().actor.kind) == ("denied", "patient")
        assert library.opened().actor.number is not None
    for record in (alice, "me"):
        assert (await library.ask("alice", f"/{record}/documents")).status_code == 200
        assert library.opened().actor.number is None


@pytest.mark.parametrize("agent", ["a\tb", "\x1b[31m", "x" * 5_000])
async def test_what_software_calls_itself(library: Library, agent: str):
    """J116: a name with control characters is not kept, a long one is cut."""
    await library.person()
    await library.ask("alice", "/me/documents", headers={"user-agent": agent})

    kept = library.opened().software
    assert kept is None or kept == "x" * 200


async def test_strangers_are_traced_too(library: Library):
    """F57: what is asked about nobody is traced under a key of the service, and mints no key in anybody's name."""
    for name in ("0" * 32, "ab" * 16, "me"):
        await library.ask("doctor", f"/{name}/documents")
        assert library.last() == ("documents-listed", "denied", "record-unknown")
        assert library.told[-1].subject is None
        assert library.opened().actor.number == DOCTOR
    assert len(library.vault.keys) == 1


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
