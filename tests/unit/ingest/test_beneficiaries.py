"""Registrations: who is accepted, who is looked at first, who is refused (F19, F20)."""

import json
from base64 import b64decode

import pytest

from shared.identity import blind_index, parse_ins
from shared.identity.ins import NIR, TEST
from shared.messaging.topology import EVENTS, FEEDBACK
from shared.messaging.unit import DONE, State
from shared.sealing import KeyClass, aad, open_box
from tests.fakes.ingest import CPAM, INDEX_KEY, INS, OTHER_INS, person


async def test_accepted(service):
    """A qualified identity is given its record id and passed on, personal data in one box (F19, F20)."""
    (event,), unit = await service.people(person(ins__value="2 79 03 51 215 189 89"))
    (emitted,) = unit.emitted
    accepted = emitted.event
    record = service.vault.subjects[blind_index(INDEX_KEY, parse_ins(INS, TEST, production=False))]

    assert unit.outcome_of(event) is DONE
    assert (emitted.exchange, emitted.key) == (EVENTS, "beneficiary.accepted.v1")
    assert (accepted.subject, accepted.source, accepted.causationid) == (record, "/ingest", f"{CPAM.source}|REG/0")
    assert accepted.data.model_dump(exclude={"sealed"}, mode="json") == {
        "version": 1,
        "insurer": "cpam-44",
        "regime": "RG",
        "department": "44",
        "dmp_created_on": "2019-05-02",
        "ins_key_valid": True,
    }
    key = service.vault.keys[record, KeyClass.IDENTITY]
    content = json.loads(open_box(key, b64decode(accepted.data.sealed), aad(record, record, "identity.v1")))
    kept = {"traits", "used_name", "address", "email", "holder_nir", "caisse"}
    assert content == {"ins": {"value": INS, "oid": TEST}, **{name: person()[name] for name in kept}}


async def test_keys_of_every_class(service):
    """A registered person has a key of each class from the start."""
    _, unit = await service.people(person())
    record = unit.emitted[0].event.subject
    wanted = {KeyClass.IDENTITY, KeyClass.CONTENT, KeyClass.REIMBURSEMENT, KeyClass.AUDIT}
    assert set(service.vault.keys) == {(record, name) for name in wanted}


async def test_nothing_clear_on_the_wire(service):
    """Outside the box no name, number or address travels."""
    _, unit = await service.people(person())
    event = unit.emitted[0].event
    box = event.data.sealed
    beside = event.to_json().replace(box.encode(), b"").upper()  # in a box's base64 four letters may stand by chance
    for clear in (INS, "LEFÈVRE", "LEF\\U00C8VRE", "MARTIN", "ANNE", "LILAS", "EXAMPLE", "1979"):
        assert clear.encode() not in beside
    assert INS.encode() not in b64decode(box)


@pytest.mark.parametrize("status", ["VALIDATED", "RETRIEVED", "PROVISIONAL"])
async def test_not_qualified(service, status):
    """An identity that is not qualified is quarantined, gets no record, and its insurer is told (F20)."""
    assert await service.outcomes(person(identity_status=status)) == [
        (State.QUARANTINED, "identity-not-qualified"),
    ]
    assert not service.vault.subjects
    assert not service.vault.keys
    assert not service.identities.rows


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ins__value": "279035121518900", "ins__oid": NIR}, "ins-key"),
        ({"ins__value": "27903512151898"}, "ins-length"),
        ({"ins__value": "979035121518989"}, "ins-format"),
        ({"ins__oid": "1.2.3"}, "ins-oid"),
        ({"ins__oid": "1.2.250.1.213.1.4.2"}, "ins-legacy-oid"),
        ({"regime": "MGEN"}, "regime-mismatch"),
        ({"caisse": "311"}, "caisse-mismatch"),
        ({"holder_nir": "x"}, "holder-nir-invalid"),
        ({"traits__birth_date": "2026-11-17"}, "date-future"),
        ({"dmp_created_on": "2027-01-01"}, "date-future"),
        ({"dmp_created_on": "1979-03-13"}, "date-order"),
    ],
)
async def test_refused(service, changes, code):
    """A registration that can never be right is refused, whatever its status, and leaves no trace (F19)."""
    for status in ("QUALIFIED", "PROVISIONAL"):
        assert await service.outcomes(person(identity_status=status, **changes)) == [(State.REFUSED, code)]
    assert not service.vault.subjects
    assert not service.identities.rows


async def test_test_identity(service):
    """A test INS whose key is wrong is kept and flagged; in production no test identity passes (F19)."""
    _, unit = await service.people(person(ins__value="279035121518900"))
    assert unit.emitted[0].event.data.ins_key_valid is False
    service.production = True
    assert await service.outcomes(person()) == [(State.REFUSED, "ins-test-oid")]
    assert await service.outcomes(person(ins__oid=NIR)) == [(State.DONE, None)]


async def test_neighbours(service):
    """What is refused or quarantined in a batch does not touch its neighbours."""
    bad, doubtful = person(caisse="311"), person(identity_status="VALIDATED")
    assert await service.outcomes(bad, person(), doubtful, person(ins__value=OTHER_INS)) == [
        (State.REFUSED, "caisse-mismatch"),
        (State.DONE, None),
        (State.QUARANTINED, "identity-not-qualified"),
        (State.DONE, None),
    ]


async def test_sender_is_told(service):
    """A refusal and a quarantine go to the log and to the insurer, with the id and nothing else of the event."""
    _, unit = await service.people(person(ins__oid="1.2.3"), person(identity_status="VALIDATED"))
    told = [(each.exchange, each.key) for each in unit.emitted]
    assert told == [(EVENTS, "beneficiary.refused.v1"), (FEEDBACK, "cpam-44")] * 2
    refused, doubted = (each.event for each in unit.emitted[::2])
    assert (refused.data.reason, refused.data.field, refused.data.refused_id) == ("ins-oid", "data.ins", "REG/0")
    assert (doubted.data.reason, doubted.data.insurer, doubted.subject) == ("identity-not-qualified", "cpam-44", None)
