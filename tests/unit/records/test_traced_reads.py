"""Every read leaves one trace: what it holds, of heads, denials and strangers too."""

import pytest

from tests.fakes.ingest import OTHER_INS
from tests.fakes.reads import CDA
from tests.unit.records.library import DOCTOR, Library
from tests.unit.records.reads import every_read


async def test_each_read_leaves_one_trace(library: Library):
    """F57: each read of each kind leaves exactly one trace, under the record it was about."""
    for action, (path, method, more) in (await every_read(library)).items():
        library.told.clear()
        answer = await library.ask("doctor", path, method, **more)

        assert answer.status_code == 200
        (trace,) = library.told
        assert (trace.data.action, trace.data.outcome) == (action, "permitted")
        assert trace.subject is not None
        assert trace.id in library.traces.rows


async def test_heads_and_304_too(library: Library):
    """F57: a HEAD and an answer without content are reads, and nothing is opened for them."""
    reads = await every_read(library)
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


async def test_what_a_trace_holds(library: Library):
    """F57, R1111-43: who, with which software, about what stands in the box; the rule in clear, no name of anybody."""
    reads = await every_read(library)
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
