from collections import Counter
from datetime import date
from itertools import islice

import pytest

from shared.contracts.insurers import BeneficiaryV1Data
from shared.identity.ins import TEST, parse_ins
from simulator.population import DMP_CREATION_ENDED, TODAY, age_on, people


@pytest.fixture(scope="module")
def crowd():
    """Return enough people for proportions to show."""
    return list(people(7, 6000))


def share(crowd, holds):
    """Return which part of a crowd something holds for."""
    return sum(map(holds, crowd)) / len(crowd)


def test_same_seed_same_people():
    """The same seed gives the same people however many are asked for, another seed gives others."""
    few, many = list(people(1, 20)), list(islice(people(1, 500), 20))

    assert few == many
    assert few != list(people(2, 20))


def test_everybody_has_a_valid_number_of_their_own(crowd):
    """Every INS has a right key, is under the test OID, and is nobody else's (F19)."""
    numbers = {parse_ins(person.ins, person.oid, production=False) for person in crowd}

    assert len(numbers) == len(crowd)
    assert all(ins.key_valid and ins.oid == TEST for ins in numbers)


def test_numbers_stay_different_in_a_small_place():
    """People of one department, where births share communes and months, still have different numbers."""
    assert len({person.ins for person in people(3, 8000, ["80"])}) == 8000


def test_the_number_tells_sex_and_birth(crowd):
    """A number begins with sex, year and month, 20 to 42 standing for a month that is not known."""
    for person in crowd:
        assert person.ins[0] == ("1" if person.sex == "M" else "2")
        assert int(person.ins[1:3]) == person.birth_date.year % 100
        assert int(person.ins[3:5]) in {person.birth_date.month, *range(20, 43)}
        assert person.ins[5:10] == person.birth_place


def test_special_births_occur(crowd):
    """Births abroad, in Corsica and in an unknown month occur, each in a small share."""
    assert 0.08 < share(crowd, lambda person: person.birth_place.startswith("99")) < 0.16
    wide = list(people(8, 3000, ["2A", "2B"]))
    assert any(person.birth_place.startswith("2A") for person in wide)
    assert any(person.birth_place.startswith("20") for person in wide)
    assert any(int(person.ins[3:5]) >= 20 for person in crowd)


def test_proportions_are_those_of_france(crowd):
    """Departments, sexes, ages and regimes come in the proportions of France."""
    departments = Counter(person.department for person in crowd)
    ages = [age_on(person.birth_date, TODAY) for person in crowd]

    assert departments["44"] == pytest.approx(6000 * 0.422, rel=0.08)
    assert departments["80"] == pytest.approx(6000 * 0.160, rel=0.12)
    assert share(crowd, lambda person: person.sex == "F") == pytest.approx(0.518, abs=0.02)
    assert sum(age < 18 for age in ages) / 6000 == pytest.approx(0.21, abs=0.02)
    assert sum(age >= 65 for age in ages) / 6000 == pytest.approx(0.21, abs=0.02)
    assert share(crowd, lambda person: person.regime == "RG") == pytest.approx(0.88, abs=0.02)
    assert share(crowd, lambda person: person.email is not None) == pytest.approx(0.75, abs=0.04)


def test_insurer_follows_regime_and_department(crowd):
    """The general regime is published by the fund of the department, the others by one insurer each."""
    assert {person.insurer for person in crowd} == {"cpam-44", "cpam-31", "cpam-80", "msa", "mgen"}
    assert all(person.insurer == f"cpam-{person.department}" for person in crowd if person.regime == "RG")


def test_early_dmp_are_before_the_end_of_manual_creation(crowd):
    """About 15 people in 100 have a DMP made before 1 July 2021, never before they were born (F03)."""
    early = [person for person in crowd if person.dmp_created_on]

    assert len(early) / len(crowd) == pytest.approx(0.15, abs=0.025)
    assert all(person.birth_date < person.dmp_created_on < DMP_CREATION_ENDED for person in early)


def test_children_depend_on_an_adult(crowd):
    """A child is paid for under a parent's number, an adult under their own."""
    for person in crowd:
        parent = parse_ins(person.holder_nir, TEST, production=False)
        assert parent.key_valid
        assert (parent.value == person.ins) is (age_on(person.birth_date, TODAY) >= 18)


def test_addresses_fit_an_envelope():
    """Every address of France has at most five lines of 38 plain capitals and ends in postcode and city."""
    france = list(people(5, 3000, ["44", "31", "80", "75", "2A", "2B", "974", "67", "13", "69"]))

    for person in france:
        assert 2 <= len(person.address) <= 5
        assert all(0 < len(line) <= 38 and line.isascii() and line == line.upper() for line in person.address)
        assert person.address[-1][:5].isdigit()
        assert "ARRONDISSEMENT" not in person.address[-1]


def test_people_fit_the_contract(crowd):
    """A synthetic person can be published as an insurer publishes one."""
    for person in crowd[:300]:
        BeneficiaryV1Data.model_validate(
            {
                "version": 1,
                "ins": {"value": person.ins, "oid": person.oid},
                "identity_status": "QUALIFIED",
                "traits": {
                    "birth_name": person.birth_name,
                    "given_names": list(person.given_names),
                    "birth_date": person.birth_date,
                    "sex": person.sex,
                    "birth_place": person.birth_place,
                },
                "used_name": person.used_name,
                "address": list(person.address),
                "department": person.department,
                "email": person.email,
                "regime": person.regime,
                "caisse": person.caisse,
                "holder_nir": person.holder_nir,
                "dmp_created_on": person.dmp_created_on,
            }
        )


def test_names_are_of_their_time(crowd):
    """Given names follow the decade: nobody of eighty is called Océane, no child is called Ginette."""
    old = {name for person in crowd if person.birth_date < date(1946, 1, 1) for name in person.given_names}
    young = {person.given_names[0] for person in crowd if person.birth_date >= date(2010, 1, 1)}

    assert not old & {"Océane", "Kévin", "Maëlys"}
    assert not young & {"Ginette", "Raymonde", "Fernand"}


def test_representation_hides_the_number(crowd):
    """A person printed by accident shows neither number."""
    child = next(person for person in crowd if person.holder_nir != person.ins)

    assert child.ins not in repr(child)
    assert child.holder_nir not in repr(child)
