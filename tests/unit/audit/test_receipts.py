"""A receipt: what one access says and the proof of it, which verifies without the log and without us (F58)."""

import json
from typing import Any

import httpx
import pytest

from shared.contracts.accesses import AccessTracedV1, ActorV1
from shared.sealing import KeyClass
from tests.fakes.signing import POLICY
from tests.unit.audit.registry import ALICE, BRUNO, Registry, ask, listed, opened, outcome
from tests.unit.audit.test_traces_of_professionals import NURSE, oversee
from verifier.faults import TamperedError
from verifier.leaves import Group
from verifier.policies import parse_policy
from verifier.proofs import parse_proof
from verifier.receipts import Receipt, check_receipt


async def receipt(registry: Registry, index: int, name: str = "alice", query: str = "") -> httpx.Response:
    """Ask for the receipt of an entry."""
    return await ask(registry, query, name, f"/v1/accesses/{index}/receipt")


def checked(answer: httpx.Response) -> Receipt:
    """Return what a receipt proves to whoever trusts the log's and the witnesses' keys, and nobody else."""
    assert answer.status_code == 200, answer.text
    return check_receipt(answer.content, parse_policy(POLICY))


async def test_it_verifies_offline(registry: Registry):
    """F58: the person's receipt proves who did what, when, and that a witnessed log holds it."""
    await registry.read(ALICE, 5)
    await registry.log_events(opened(await registry.record(ALICE)))
    registry.checkpoints.publish()

    answer = await receipt(registry, 3)
    proved = checked(answer)

    assert answer.headers["content-disposition"] == 'attachment; filename="receipt-3.json"'
    assert answer.headers["cache-control"] == "no-store"
    assert (proved.index, proved.checkpoint.size) == (3, 6)
    event = json.loads(proved.texts[Group.DETAIL].text)
    assert (event["subject"], event["data"]["action"]) == (await registry.record(ALICE), "document-read")
    access = json.loads(proved.access or "")
    assert (access["actor"]["name"], len(access["documents"])) == ("KIT DOC0036624", 1)
    assert checked(await receipt(registry, 5)).access is None


@pytest.mark.parametrize("part", ["access", "text", "leaf", "proof"])
async def test_a_changed_receipt(registry: Registry, part: str):
    """I108: a receipt in which anything was changed proves nothing."""
    await registry.read(ALICE, 3)
    registry.checkpoints.publish()
    made: dict[str, Any] = (await receipt(registry, 1)).json()

    if part == "access":
        made["access"] = made["access"].replace("DOC0036624", "DOC0036625")
    elif part == "text":
        made["groups"]["detail"]["text"] = made["groups"]["detail"]["text"].replace("permitted", "forbidden")
    else:
        made[part] = (await receipt(registry, 2)).json()[part]

    with pytest.raises(TamperedError):
        check_receipt(json.dumps(made).encode(), parse_policy(POLICY))


async def test_proofs_in_the_list(registry: Registry):
    """F58: where they are asked for, every line has its proof; the newest get theirs within the merge delay."""
    await registry.read(ALICE, 3)
    registry.checkpoints.publish()
    await registry.read(ALICE)

    lines = await listed(registry, "?proofs=true")

    assert [line["proof"] is None for line in lines] == [True, False, False, False]
    for line in lines[1:]:
        proof = parse_proof(line["proof"].encode())
        assert proof.index == line["index"]
        assert parse_policy(POLICY).accept(proof.note.encode()).size == 3
    assert {line["proof"] for line in await listed(registry, "?proofs=false")} == {None}
    assert outcome(await ask(registry, "?proofs=1")) == (400, "proofs-invalid")


async def test_not_published_yet(registry: Registry):
    """An entry that no published checkpoint covers has no receipt yet; asking again is safe."""
    await registry.read(ALICE)

    answer = await receipt(registry, 0)

    assert outcome(answer) == (503, "proof-pending")
    assert answer.headers["retry-after"] == "5"


async def test_nobody_else_s(registry: Registry):
    """41: of what is about another, what is meant for nobody, and what is not there, the answer is the same."""
    await registry.read(BRUNO)
    await registry.read(ALICE)
    registry.checkpoints.publish()

    for index in (0, 7, 10**17):
        assert outcome(await receipt(registry, index)) == (404, "access-unavailable")
    assert outcome(await receipt(registry, 0, "nobody")) == (404, "access-unavailable")
    traces = [event for event in registry.published if isinstance(event, AccessTracedV1)]
    assert {(each.data.action, each.data.outcome) for each in traces} == {("access-proved", "denied")}


@pytest.mark.parametrize("name", ["-1", "1.0", "01", "x", "255081416802538x", "99999999999999999999", "%00"])
async def test_no_index(registry: Registry, name: str):
    """45: what is no index is not there, and is not repeated."""
    answer = await ask(registry, "", "alice", f"/v1/accesses/{name}/receipt")

    assert answer.status_code == 404
    assert "255081416802538" not in answer.text


async def test_no_parameters(registry: Registry):
    """45: a parameter that does not exist is refused."""
    assert outcome(await receipt(registry, 0, query="?record=x")) == (400, "parameter-unknown")


async def test_hidden_documents(registry: Registry):
    """F35: no receipt tells of a document hidden from its person: neither of a reading of it, nor of a list."""
    hidden = "d" * 32
    await registry.log_events(await registry.trace(ALICE, documents=[hidden], hidden=[hidden]))
    await registry.log_events(
        await registry.trace(ALICE, "documents-listed", documents=["e" * 32, hidden], hidden=[hidden])
    )
    registry.checkpoints.publish()

    assert outcome(await receipt(registry, 0)) == (404, "access-unavailable")
    answer = await receipt(registry, 1)
    assert checked(answer).access is None
    assert hidden not in answer.text


async def test_professionals(registry: Registry):
    """F59: a professional proves the own deeds, and everybody's where the person lets him see all."""
    await registry.read(ALICE)
    await registry.log_events(await registry.trace(ALICE, actor=NURSE), opened(await registry.record(ALICE)))
    registry.checkpoints.publish()

    assert checked(await receipt(registry, 0, "doctor")).index == 0
    for index in (1, 2):
        assert outcome(await receipt(registry, index, "doctor")) == (404, "access-unavailable")
    await oversee(registry, "attending")
    assert [checked(await receipt(registry, index, "doctor")).index for index in (0, 1, 2)] == [0, 1, 2]


async def test_it_is_traced(registry: Registry):
    """F57: that somebody took a receipt is in the log, about the record whose person is to know."""
    await registry.read(ALICE)
    registry.checkpoints.publish()
    await receipt(registry, 0)

    (trace,) = registry.published
    assert isinstance(trace, AccessTracedV1)
    assert (trace.subject, trace.data.action, trace.data.rule) == (
        await registry.record(ALICE),
        "access-proved",
        "holder",
    )


async def test_another_text_in_the_box(registry: Registry):
    """A trace whose box says something else than its event has the digest of is damaged, however well it is sealed."""
    trace = await registry.trace(ALICE, actor=ActorV1(kind="patient"))
    other = await registry.trace(ALICE, actor=NURSE)
    data = trace.data.model_copy(update={"said": other.data.said})
    await registry.log_events(trace.model_copy(update={"data": data}))

    (line,) = await listed(registry)

    assert (line["state"], line["actor"]) == ("damaged", None)


async def test_erased(registry: Registry):
    """115: what says nothing any more has no receipt."""
    await registry.read(ALICE)
    registry.checkpoints.publish()
    await registry.shared.destroy_keys(await registry.record(ALICE), [KeyClass.AUDIT])

    assert outcome(await receipt(registry, 0)) == (404, "access-unavailable")
