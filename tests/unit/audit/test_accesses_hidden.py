"""A document that is hidden from its person leaves no sign in the list of accesses (F35, F39, F61)."""

from uuid import uuid4

import pytest

from shared.contracts.accesses import Action, Outcome
from shared.contracts.records import (
    DocumentRefusedV1,
    DocumentRefusedV1Data,
    DocumentStoredV1,
    DocumentStoredV1Data,
)
from tests.unit.audit.registry import ALICE, NOW, Registry, ask, listed

HIDDEN, SEEN = "a" * 32, "b" * 32


async def hide(registry: Registry, count: int = 1) -> None:
    """Let a doctor read a hidden document so many times."""
    for _ in range(count):
        await registry.log_events(await registry.trace(ALICE, documents=[HIDDEN], hidden=[HIDDEN]))


@pytest.mark.parametrize("outcome", ["permitted", "denied"])
@pytest.mark.parametrize("action", ["document-deposited", "document-described", "document-read", "document-masked"])
async def test_nothing_of_it(registry: Registry, action: Action, outcome: Outcome):
    """F35: what was done with a hidden document, or was denied, is in the log and not in the person's list."""
    await registry.read()
    await registry.log_events(await registry.trace(ALICE, action, outcome, documents=[HIDDEN], hidden=[HIDDEN]))
    await registry.read()

    assert [line["index"] for line in await listed(registry)] == [2, 0]
    assert len(registry.storage.leaves) == 3


async def test_a_list_with_one_of_them(registry: Registry):
    """F35: that a list was read is told, with the documents that the person may know of."""
    for named in ([SEEN, HIDDEN], [HIDDEN]):
        await registry.log_events(await registry.trace(ALICE, "documents-listed", documents=named, hidden=[HIDDEN]))

    assert [line["documents"] for line in await listed(registry)] == [[], [SEEN]]


async def test_neither_stored_nor_refused(registry: Registry):
    """F61: records' own news of a document, which do not say from whom it is hidden, are not in the list."""
    record = await registry.record(ALICE)
    stored, refused = DocumentStoredV1Data(document_id=HIDDEN), DocumentRefusedV1Data(document_id=HIDDEN, reason="x")
    await registry.log_events(
        DocumentStoredV1.new(source="/records", time=NOW, subject=record, data=stored),
        DocumentRefusedV1.new(source="/records", time=NOW, subject=record, data=refused),
    )

    assert await listed(registry) == []


async def test_another_deposit_under_its_name(registry: Registry):
    """F35: a deposit that was refused names no document: the one that has the name may be hidden."""
    await registry.log_events(await registry.trace(ALICE, "document-deposited", "denied", documents=[HIDDEN]))

    (line,) = await listed(registry)

    assert (line["description"], line["documents"]) == ("a tenté de déposer un document", [])


async def test_a_box_that_does_not_open(registry: Registry):
    """F35: a trace that cannot say whether its document is hidden tells of an access and of no document."""
    trace = await registry.trace(ALICE, documents=[HIDDEN], hidden=[HIDDEN])
    await registry.log_events(trace.model_copy(update={"data": trace.data.model_copy(update={"sealed": "AAAA"})}))

    (line,) = await listed(registry)

    assert (line["state"], line["action"], line["group"]) == ("damaged", "access", "GENERAL")
    assert line["description"] == "a accédé à votre dossier"


@pytest.mark.parametrize("query", ["limit=1", "limit=2", "limit=3", "limit=1&group=MEDICAL_DOCUMENT"])
async def test_pages(registry: Registry, query: str):
    """F35: neither a short page, nor a cursor, nor an empty page behind one tells that anything is left out."""
    await hide(registry, 2)
    await registry.read(count=2)
    await hide(registry, 3)
    await registry.read(count=2)
    await hide(registry)

    pages, cursor = [], ""
    while cursor is not None:
        page = (await ask(registry, f"?{query}{cursor}")).json()
        pages.append([line["index"] for line in page["accesses"]])
        cursor = page["next"] and f"&cursor={page['next']}"

    limit = int(query[6])
    shown = [8, 7, 3, 2]
    assert pages == [shown[at : at + limit] for at in range(0, 4, limit)]


async def test_many_of_them(registry: Registry):
    """F35: however many are left out in a row, the page is as full as it would be without them."""
    record = await registry.record(ALICE)
    await registry.read(count=2)
    trace = await registry.trace(ALICE, documents=[HIDDEN], hidden=[HIDDEN])
    await registry.log_events(*(trace.model_copy(update={"id": uuid4().hex}) for _ in range(1_200)))

    page = (await ask(registry, "?limit=2")).json()

    assert ([line["index"] for line in page["accesses"]], page["next"]) == ([1, 0], None)
    assert trace.subject == record
