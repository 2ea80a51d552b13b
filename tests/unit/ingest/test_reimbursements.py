"""Settled lines: what is passed on, what waits, what is refused (F45, F46)."""

import json
from base64 import b64decode

import pytest

from shared.messaging.topology import EVENTS, FEEDBACK
from shared.messaging.unit import DONE, Outcome, State
from shared.sealing import KeyClass, aad, open_box
from tests.fakes.ingest import CPAM, INS, REVERSED, line
from tests.fakes.vault import InMemoryVault
from tests.unit.ingest.service import Ingest


async def test_received(service):
    """A line is passed on under the record's id: month and links in clear, care and amounts in a box (F45)."""
    record = await service.register()
    (event,), unit = await service.lines(line())
    (emitted,) = unit.emitted
    received = emitted.event

    assert unit.outcome_of(event) is DONE
    assert (emitted.exchange, emitted.key) == (EVENTS, "reimbursement.received.v1")
    assert (received.subject, received.source) == (record, "/ingest")
    assert received.causationid == f"{CPAM.source}|F-2026-11/7"
    assert (received.data.month, received.data.insurer, received.data.reverses) == ("2026-11", "cpam-44", None)
    key = service.vault.keys[record, KeyClass.REIMBURSEMENT]
    place = aad(record, received.data.line_id, "reimbursement.v1")
    content = json.loads(open_box(key, b64decode(received.data.sealed), place))
    left_out = {"ins", "holder_nir"}
    assert content.items() >= {name: value for name, value in line().items() if name not in left_out}.items()
    assert not left_out & content.keys()
    assert INS not in str(content)


async def test_nothing_clear_on_the_wire(service):
    """Outside the box neither the person, nor the care, nor an amount travels (F45)."""
    await service.register()
    _, unit = await service.lines(line(act__label="Consultation secrète"))
    data = json.loads(unit.emitted[0].event.to_json())["data"]
    assert data.keys() == {"line_id", "month", "insurer", "sealed"}


async def test_reversal_meets_its_line(service):
    """A reversal carries the opaque id of the line that it cancels, whichever of the two comes first (F46)."""
    await service.register()
    reversal = line(line=8, reverses="F-2026-11/7", **REVERSED)
    _, unit = await service.lines(reversal, line())
    cancelling, cancelled = (each.event.data for each in unit.emitted)
    assert cancelling.reverses == cancelled.line_id != cancelling.line_id


async def test_unknown_person(service):
    """A line whose person is not registered waits, as the registration may be on its way, and is then set aside."""
    events, unit = await service.lines(line(), line(line=8))
    for outcome in map(unit.outcome_of, events):
        assert (outcome.state, outcome.reason, outcome.last) == (State.WAITING, "ins-unknown", State.QUARANTINED)
        assert [each.exchange for each in outcome.then] == ["events", "feedback"], "told when it is set aside"
        assert {each.event.data.reason for each in outcome.then} == {"ins-unknown"}
    assert not unit.emitted
    assert not service.vault.subjects
    assert not service.vault.keys

    await service.register()
    _, later = await service.lines(line())
    assert len(later.emitted) == 1


async def test_same_number_under_another_oid(service):
    """The same number under another OID is another identity (F19)."""
    await service.register()
    (event,), unit = await service.lines(line(ins__oid="1.2.250.1.213.1.4.8"))
    assert unit.outcome_of(event).reason == "ins-unknown"


@pytest.mark.parametrize(
    ("changes", "code", "place"),
    [
        ({"paid": 2800}, "amount-inconsistent", "data.excess"),
        ({"paid": -2700}, "amount-negative", "data.paid"),
        ({"ins__value": "27903512151898"}, "ins-length", "data.ins"),
        ({"ins__value": "279035121518900", "ins__oid": "1.2.250.1.213.1.4.8"}, "ins-key", "data.ins"),
        ({"regime": "MSA"}, "regime-mismatch", "data.regime"),
        ({"act__code": "1208"}, "act-code-invalid", "data.act.code"),
        ({"performer__id_nat": "1"}, "ps-id-invalid", "data.performer.id_nat"),
        ({"settled_on": "2026-12-01"}, "date-future", "data.settled_on"),
    ],
)
async def test_refused(service, changes, code, place):
    """A line against a rule is refused with code and place; the log and its insurer are told, nothing else (F45)."""
    await service.register()
    (event,), unit = await service.lines(line(**changes))
    assert unit.outcome_of(event) == Outcome(State.REFUSED, code, place)
    assert [(each.exchange, each.key) for each in unit.emitted] == [
        (EVENTS, "reimbursement.refused.v1"),
        (FEEDBACK, "cpam-44"),
    ]
    refused = unit.emitted[0].event
    assert refused.subject is None
    assert refused.data.model_dump(exclude={"position"}) == {
        "reason": code,
        "field": place,
        "insurer": "cpam-44",
        "refused_id": "F-2026-11/7",
        "message_id": None,
    }


async def test_id_mismatch(service):
    """An id that is not the line's flux and number is refused (F45)."""
    (event,), unit = await service.lines(line(), id="F-2026-11/8")
    assert unit.outcome_of(event) == Outcome(State.REFUSED, "id-mismatch", "id")


async def test_neighbours(service):
    """One bad line among 200 is refused and the others are passed on."""
    await service.register()
    lines = [line(line=number, **({"excess": 9} if number == 77 else {})) for number in range(1, 201)]
    events, unit = await service.lines(*lines)
    assert [event.data.line for event in events if unit.outcome_of(event) is not DONE] == [77]
    assert sum(each.key == "reimbursement.received.v1" for each in unit.emitted) == 199


class _Counting(InMemoryVault):
    calls = 0

    async def find_subjects(self, indexes):
        """Count and answer."""
        self.calls += 1
        return await super().find_subjects(indexes)

    async def ensure_keys(self, owners):
        """Count and answer."""
        self.calls += 1
        return await super().ensure_keys(owners)


async def test_batch_calls():
    """A batch of 200 lines asks the vault twice, not 400 times."""
    vault = _Counting()
    service = Ingest(vault=vault)
    await service.register()
    vault.calls = 0
    await service.lines(*(line(line=number) for number in range(1, 201)))
    assert vault.calls == 2
