"""The strict traits of a person, first registered and never overwritten (F21)."""

import pytest

from services.ingest.domain.beneficiaries import traits_digest
from shared.contracts.insurers import Traits
from shared.messaging.failures import RacedError
from shared.messaging.unit import State
from tests.fakes.ingest import INDEX_KEY, applied, person

TRAITS = person()["traits"]


async def test_same_person_twice(service):
    """A person registered again, or by another version, keeps one record (F21)."""
    assert await service.outcomes(person(), person(version=2)) == [(State.DONE, None)] * 2
    assert await service.outcomes(person(version=3)) == [(State.DONE, None)]
    assert len(service.vault.subjects) == len(service.identities.rows) == 1


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
    _, first = await service.people(person())
    _, second = await service.people(person(traits__sex="M"))
    await applied(first)
    with pytest.raises(RacedError):
        await applied(second)
    assert await service.outcomes(person(traits__sex="M")) == [(State.QUARANTINED, "traits-mismatch")]
