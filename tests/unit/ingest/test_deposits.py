"""Deposits: what is kept, what is told and traced, what a repetition does, and who is turned away."""

from datetime import UTC, datetime
from typing import cast

import orjson
import pytest

from services.ingest.domain.deposits import DepositState
from services.ingest.handlers.deposits import Refused, Taken, deposit
from services.ingest.handlers.endings import end_deposits
from shared.contracts.records import (
    DocumentRefusedV1,
    DocumentRefusedV1Data,
    DocumentStoredV1,
    DocumentStoredV1Data,
)
from shared.errors import RefusedError
from shared.messaging.failures import RacedError
from shared.messaging.unit import State, Unit
from tests.fakes.documents import HEADER, INS, cda, replacing, wrapped
from tests.fakes.ingest import NOON, OTHER_INS, applied
from tests.unit.ingest.intake import CLINIC, MAUD, PAUL, Ward

MASKED, UNANNOUNCED = "MASQUE_PS", "INVISIBLE_PATIENT"
OTHER_WORDS = cda(title="<title>Autre lettre</title>")


@pytest.fixture
def ward() -> Ward:
    """Give an intake with nobody known."""
    return Ward()


async def stored(ward: Ward, document: str, reason: str | None = None) -> State:
    """Bring records' answer on a document; return what became of the news."""
    record = ward.deposits.rows[document].record
    event = (
        DocumentStoredV1.new(
            source="/records", time=NOON, subject=record, data=DocumentStoredV1Data(document_id=document)
        )
        if reason is None
        else DocumentRefusedV1.new(
            source="/records",
            time=NOON,
            subject=record,
            data=DocumentRefusedV1Data(document_id=document, reason=reason),
        )
    )
    unit = Unit()
    await end_deposits([event], unit, deposits=ward.deposits, clock=ward.clock)
    await applied(unit)
    return unit.outcome_of(event).state


async def test_a_deposit_is_kept_and_told(ward: Ward):
    """F25: a document for an open record is kept as it came, records is told of it, and its deposit is traced."""
    record = await ward.person()
    body = wrapped(replaces=replacing("1.2.3.4", "1.2.3.5", "1.2.3.4"))

    outcome = await ward.deposit(body)

    assert isinstance(outcome, Taken)
    assert not outcome.again
    made = outcome.deposit
    assert ward.deposits.rows == {made.document: made}
    assert ward.bytes_of(made, len(body)) == body
    (event,) = ward.received
    assert (event.subject, event.data.document_id, event.data.content_id) == (record, made.document, made.content)
    assert event.data.created == datetime(2026, 11, 3, 9, 15, tzinfo=UTC)
    assert event.data.size == len(body)
    assert len(event.data.replaces) == 2
    (trace,) = ward.traces
    assert (trace.subject, trace.data.action, trace.data.outcome) == (record, "document-deposited", "permitted")
    access = ward.access_of(trace)
    assert (access.actor.number, access.documents, access.software) == (
        MAUD.national_id,
        [made.document],
        "Cabinet 3.1",
    )


@pytest.mark.parametrize(
    ("hidings", "hidden"),
    [([], False), ([MASKED], False), ([UNANNOUNCED], True), (["INVISIBLE_REPRESENTANTS_LEGAUX"], True)],
)
@pytest.mark.parametrize("open_", [True, False])
async def test_a_hidden_deposit_is_traced_as_such(ward: Ward, hidings: list[str], hidden: bool, open_: bool):
    """F35: the trace of a deposit, taken or not, tells the log whether its person may read of the document."""
    await ward.person(open_=open_)

    await ward.deposit(cda(), hidings=hidings)

    access = ward.access_of(ward.traces[0])
    assert len(access.documents) == 1
    assert access.hidden == (access.documents if hidden else [])


async def test_metadata_travel_sealed(ward: Ward):
    """What the document is and who sent it are told in the box, by XDS's names, and nowhere in clear."""
    record = await ward.person()
    await ward.deposit(wrapped(), hidings=[MASKED])

    (event,) = ward.received
    told = orjson.loads(ward.metadata_of(event))
    assert told["entry"]["title"] == "Lettre de liaison à la sortie"
    assert told["entry"]["confidentiality"] == ["N", MASKED]
    assert told["entry"]["patient"]["value"] == INS
    assert told["depositor"]["number"] == MAUD.national_id
    assert told["depositor"]["name"] == "Maud MODELE"
    clear = b"".join(each.to_json() for each in ward.told) + repr(ward.deposits.rows).encode()
    for secret in (INS, "Lettre", "MODELE", MAUD.national_id, "EXEMPLE", "11490-0", "1.2.250.1.999.1"):
        assert secret.encode() not in clear
        assert all(secret.encode() not in box for box in ward.contents.boxes.values())
    assert record.encode() in clear


async def test_links_are_opaque(ward: Ward):
    """F30: a link names its target by the id that the target itself gets, whichever arrives first."""
    await ward.person()
    await ward.deposit(cda(id='<id root="1.2.3.9"/>', replaces=replacing("1.2.3.4")))
    await ward.deposit(cda(id='<id root="1.2.3.4"/>'))

    later, earlier = ward.received
    assert later.data.replaces == [earlier.data.document_id]
    assert earlier.data.replaces == []


async def test_the_same_again_has_no_effect(ward: Ward):
    """F26: 79: the same document again, from whomever, is the same deposit: nothing is written, told or traced."""
    await ward.person()
    first = await ward.deposit(cda())
    before = (dict(ward.deposits.rows), dict(ward.contents.boxes), len(ward.told))

    for by in (MAUD, PAUL, CLINIC):
        again = await ward.deposit(cda(), by)
        assert isinstance(again, Taken)
        assert again.again
        assert again.deposit == cast("Taken", first).deposit

    assert (ward.deposits.rows, ward.contents.boxes, len(ward.told)) == before


@pytest.mark.parametrize(("body", "hidings"), [(OTHER_WORDS, ()), (cda(), (MASKED,))], ids=["words", "hidings"])
async def test_another_document_of_the_same_id_is_refused(ward: Ward, body: bytes, hidings: tuple[str, ...]):
    """F26: 79: other bytes, or other hidings, under a known id are a conflict, traced and without effect."""
    await ward.person()
    first = await ward.deposit(cda())

    assert await ward.deposit(body, hidings=hidings) == Refused("document-conflict", "id")

    assert list(ward.deposits.rows.values()) == [cast("Taken", first).deposit]
    assert len(ward.received) == len(ward.contents.boxes) == 1
    assert (ward.traces[-1].data.outcome, ward.traces[-1].data.rule) == ("denied", "document-conflict")


async def test_no_open_record(ward: Ward):
    """38: F13: a person without an open record and one who is unknown are refused alike, and both are traced."""
    record = await ward.person(open_=False)
    assert await ward.deposit(cda()) == Refused("record-unavailable")
    assert ward.traces[-1].subject == record

    nobody = cda(patient=HEADER["patient"].replace(INS, OTHER_INS))
    assert await ward.deposit(nobody) == Refused("record-unavailable")
    assert ward.traces[-1].subject is None
    assert ward.access_of(ward.traces[-1]).actor.number == MAUD.national_id

    assert not ward.deposits.rows
    assert not ward.contents.boxes
    assert {trace.data.outcome for trace in ward.traces} == {"denied"}


async def test_a_conflict_is_hidden_behind_a_closed_record(ward: Ward):
    """Where there is no open record, nobody learns which documents it had."""
    record = await ward.person()
    await ward.deposit(cda())
    await ward.person(open_=False, version=4)
    assert record in ward.accounts.rows
    assert await ward.deposit(OTHER_WORDS) == Refused("record-unavailable")


async def test_a_refused_deposit_may_come_again(ward: Ward):
    """A document that records refused kept nothing: once the record is open it is received anew, as another content."""
    await ward.person()
    first = cast("Taken", await ward.deposit(cda())).deposit
    assert await stored(ward, first.document, "account-opposed") is State.DONE
    assert ward.deposits.rows[first.document].reason == "account-opposed"

    second = cast("Taken", await ward.deposit(cda()))
    assert not second.again
    assert second.deposit.content != first.content
    assert ward.deposits.rows == {first.document: second.deposit}
    assert len(ward.received) == 2


async def test_a_fate_is_written_once(ward: Ward):
    """A deposit ends once: what records tells again, or of a document that nobody deposited here, is ignored."""
    await ward.person()
    document = cast("Taken", await ward.deposit(cda())).deposit.document
    assert await stored(ward, document) is State.DONE
    ended = ward.deposits.rows[document]
    assert (ended.state, ended.reason, ended.ended) == (DepositState.STORED, None, NOON)
    assert await stored(ward, document) is State.IGNORED
    assert await stored(ward, document, "account-opposed") is State.IGNORED
    assert ward.deposits.rows[document] == ended

    unknown = DocumentStoredV1.new(
        source="/records", time=NOON, subject=ended.record, data=DocumentStoredV1Data(document_id="0" * 32)
    )
    unit = Unit()
    await end_deposits([unknown], unit, deposits=ward.deposits, clock=ward.clock)
    assert unit.outcome_of(unknown).state is State.IGNORED


async def test_two_at_once(ward: Ward):
    """Of two first deposits of one document, the second to commit loses its race and sees the first."""
    await ward.person()
    candidate, unit = await ward.candidate(cda()), Unit()
    await deposit([candidate], unit, intake=ward.intake)
    await ward.deposit(cda())
    with pytest.raises(RacedError):
        await applied(unit)


async def test_several_in_one_commit(ward: Ward):
    """What is decided together is decided as if one came after the other: each is answered for itself (F26)."""
    record = await ward.person()
    nobody = cda(id='<id root="1.2.3.8"/>', patient=HEADER["patient"].replace(INS, OTHER_INS))
    bodies = [cda(), cda(), OTHER_WORDS, cda(id='<id root="1.2.3.9"/>'), nobody]

    first, again, conflict, other, unknown = await ward.commit([await ward.candidate(body) for body in bodies])

    assert isinstance(first, Taken)
    assert again == Taken(first.deposit, again=True)
    assert conflict == Refused("document-conflict", "id")
    assert isinstance(other, Taken)
    assert unknown == Refused("record-unavailable")
    assert ward.deposits.rows.keys() == {first.deposit.document, other.deposit.document}
    assert [event.subject for event in ward.received] == [record, record]
    assert sorted(trace.data.outcome for trace in ward.traces) == ["denied", "denied", "permitted", "permitted"]


async def test_incompatible_hidings(ward: Ward):
    """F36: hidden from its patient and from professionals at once: refused, unless the installation allows it."""
    await ward.person()
    with pytest.raises(RefusedError, match="confidentiality-combination"):
        await ward.deposit(cda(), hidings=[MASKED, UNANNOUNCED])
    ward.combined = True
    assert isinstance(await ward.deposit(cda(), hidings=[MASKED, UNANNOUNCED]), Taken)


async def test_a_large_document_is_sealed_as_a_small_one(ward: Ward):
    """What is sealed beside the loop opens like anything else."""
    await ward.person()
    body = wrapped(b"%PDF-1.4\n" + b"x" * 200_000 + b"\n%%EOF\n")
    outcome = cast("Taken", await ward.deposit(body))
    assert ward.bytes_of(outcome.deposit, len(body)) == body


async def test_a_machine_deposits(ward: Ward):
    """A structure's own software deposits under the structure's number."""
    await ward.person()
    await ward.deposit(cda(), CLINIC)
    actor = ward.access_of(ward.traces[0]).actor
    assert (actor.kind, actor.number, actor.organisation) == ("machine", CLINIC.national_id, CLINIC.name)
