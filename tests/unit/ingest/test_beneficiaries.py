"""Registrations: who is accepted, who is looked at first, and what is never overwritten (F19-F21)."""

import json
from base64 import b64decode
from dataclasses import dataclass, field

import pytest

from services.ingest.domain.beneficiaries import traits_digest
from services.ingest.handlers.beneficiaries import accept_beneficiaries
from shared.contracts.insurers import BeneficiaryRegisteredV1, Traits
from shared.identity import blind_index, parse_ins
from shared.identity.ins import NIR, TEST
from shared.messaging.failures import RacedError
from shared.messaging.topology import EVENTS, FEEDBACK
from shared.messaging.unit import DONE, State, Unit
from shared.sealing import KeyClass, aad, open_box
from tests.fakes.ingest import (
    CPAM,
    INDEX_KEY,
    INS,
    INSURERS,
    OTHER_INS,
    InMemoryIdentities,
    StoppedClock,
    applied,
    person,
    registered,
)
from tests.fakes.vault import InMemoryVault

TRAITS = person()["traits"]


@dataclass
class _Service:
    vault: InMemoryVault = field(default_factory=InMemoryVault)
    identities: InMemoryIdentities = field(default_factory=InMemoryIdentities)
    production: bool = False

    async def handle(self, *people):
        """Handle registrations of these people and return them with the unit, nothing applied yet."""
        events = [
            BeneficiaryRegisteredV1.model_validate(registered(data, id=f"REG/{number}"))
            for number, data in enumerate(people)
        ]
        unit = Unit()
        await accept_beneficiaries(
            events,
            unit,
            vault=self.vault,
            identities=self.identities,
            insurers=INSURERS,
            index_key=INDEX_KEY,
            clock=StoppedClock(),
            production=self.production,
        )
        return events, unit

    async def outcomes(self, *people):
        """Handle and commit; return each event's state and reason."""
        events, unit = await self.handle(*people)
        await applied(unit)
        return [(unit.outcome_of(event).state, unit.outcome_of(event).reason) for event in events]


@pytest.fixture
def service():
    """A service with nobody registered."""
    return _Service()


async def test_accepted(service):
    """A qualified identity is given its record id and passed on, personal data in one box (F19, F20)."""
    (event,), unit = await service.handle(person(ins__value="2 79 03 51 215 189 89"))
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
    _, unit = await service.handle(person())
    record = unit.emitted[0].event.subject
    wanted = {KeyClass.IDENTITY, KeyClass.CONTENT, KeyClass.REIMBURSEMENT, KeyClass.AUDIT}
    assert set(service.vault.keys) == {(record, name) for name in wanted}


async def test_nothing_clear_on_the_wire(service):
    """Outside the box no name, number or address travels."""
    _, unit = await service.handle(person())
    wire = unit.emitted[0].event.to_json().upper()
    for clear in (INS, "LEFÈVRE", "LEF\\U00C8VRE", "MARTIN", "ANNE", "LILAS", "EXAMPLE", "1979"):
        assert clear.encode() not in wire


async def test_same_person_twice(service):
    """A person registered again, or by another version, keeps one record (F21)."""
    assert await service.outcomes(person(), person(version=2)) == [(State.DONE, None)] * 2
    assert await service.outcomes(person(version=3)) == [(State.DONE, None)]
    assert len(service.vault.subjects) == len(service.identities.rows) == 1


@pytest.mark.parametrize("status", ["VALIDATED", "RETRIEVED", "PROVISIONAL"])
async def test_not_qualified(service, status):
    """An identity that is not qualified is quarantined, gets no record, and its insurer is told (F20)."""
    assert await service.outcomes(person(identity_status=status)) == [
        (State.QUARANTINED, "identity-not-qualified"),
    ]
    assert not service.vault.subjects
    assert not service.vault.keys
    assert not service.identities.rows


OTHER_TRAITS = {
    "birth_name": "MOREAU",
    "given_names": ["Anne"],
    "birth_date": "1979-03-15",
    "sex": "M",
    "birth_place": "51216",
}


@pytest.mark.parametrize(("name", "value"), OTHER_TRAITS.items(), ids=OTHER_TRAITS)
async def test_other_traits(service, name, value):
    """A known INS with another strict trait is quarantined, and the first traits stay (F21)."""
    await service.outcomes(person())
    before = dict(service.identities.rows)

    assert await service.outcomes(person(**{f"traits__{name}": value})) == [(State.QUARANTINED, "traits-mismatch")]
    assert service.identities.rows == before
    assert await service.outcomes(person()) == [(State.DONE, None)]


async def test_other_traits_in_one_batch(service):
    """Within a batch the first registration of a person counts (F21)."""
    other = person(traits__sex="M")
    assert await service.outcomes(person(), other, person()) == [
        (State.DONE, None),
        (State.QUARANTINED, "traits-mismatch"),
        (State.DONE, None),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"birth_name": "lefevre"},
        {"birth_name": " LEFE\u0300VRE "},
        {"given_names": ["ANNE MARIE"]},
    ],
)
async def test_same_traits_written_otherwise(service, changes):
    """Case, accents and spacing make no other person (F21)."""
    written = person(traits={**TRAITS, **changes})
    assert await service.outcomes(person(), written) == [(State.DONE, None)] * 2


def test_digest_is_keyed():
    """The digest of traits cannot be computed without the key, and fields do not run into each other (F21)."""
    traits = Traits.model_validate(TRAITS)
    moved = traits.model_copy(update={"birth_name": "LEFÈVRE ANNE", "given_names": ["MARIE"]})
    joined = traits.model_copy(update={"birth_name": "LEFÈVRE\x1fANNE", "given_names": ["MARIE"]})
    digests = {traits_digest(INDEX_KEY, each) for each in (traits, moved)} | {traits_digest(bytes(32), traits)}
    assert len(digests) == 3
    assert traits_digest(INDEX_KEY, joined) == traits_digest(INDEX_KEY, moved)


async def test_two_workers(service):
    """Of two workers that meet a new person at once, the second takes its batch again and sees the first (F21)."""
    _, first = await service.handle(person())
    _, second = await service.handle(person(traits__sex="M"))
    await applied(first)
    with pytest.raises(RacedError):
        await applied(second)
    assert await service.outcomes(person(traits__sex="M")) == [(State.QUARANTINED, "traits-mismatch")]


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
    _, unit = await service.handle(person(ins__value="279035121518900"))
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
    _, unit = await service.handle(person(ins__oid="1.2.3"), person(identity_status="VALIDATED"))
    told = [(each.exchange, each.key) for each in unit.emitted]
    assert told == [(EVENTS, "beneficiary.refused.v1"), (FEEDBACK, "cpam-44")] * 2
    refused, doubted = (each.event for each in unit.emitted[::2])
    assert (refused.data.reason, refused.data.field, refused.data.refused_id) == ("ins-oid", "data.ins", "REG/0")
    assert (doubted.data.reason, doubted.data.insurer, doubted.subject) == ("identity-not-qualified", "cpam-44", None)
