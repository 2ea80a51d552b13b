import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.identity.errors import InsError
from shared.identity.ins import DEMO, INS_A, INS_C, NIA, NIR, TEST, key_of, parse_ins

OFFICIAL = [
    "2 55 08 14 168 025 38",
    "2 84 05 88 321 025 32",
    "2 84 05 2A 321 025 52",
    "2 84 05 2B 321 025 79",
    "2 84 20 2B 321 025 28",
    "279035121518989",
]

departments = st.one_of(st.integers(0, 99).map("{:02d}".format), st.sampled_from(["2A", "2B"]))
bodies = st.tuples(
    st.sampled_from("12"),
    st.integers(0, 99).map("{:02d}".format),
    st.one_of(st.integers(1, 12), st.integers(20, 99)).map("{:02d}".format),
    departments,
    st.integers(0, 999).map("{:03d}".format),
    st.integers(0, 999).map("{:03d}".format),
).map("".join)


def code_of(value, oid=NIR, *, production=True):
    """Return the code that a refused number gets, and check that the message does not hold the number."""
    with pytest.raises(InsError) as caught:
        parse_ins(value, oid, production=production)
    assert value not in str(caught.value) or not value
    return caught.value.code


@pytest.mark.parametrize("value", OFFICIAL)
def test_official_vectors_are_accepted(value):
    """The numbers that CNAM and ANS publish as valid are accepted in production (F19)."""
    ins = parse_ins(value, NIR, production=True)

    assert ins.value == value.replace(" ", "")
    assert ins.key_valid


def test_wrong_official_key_is_refused():
    """CNAM's own wrong key, 00, is refused under a production OID (F19)."""
    assert code_of("2 84 05 88 321 025 00") == "ins-key"


def test_first_digit_is_the_sex():
    """A number that begins with 8, a provisional one, is not an INS (F19)."""
    assert code_of("8 84 05 88 321 025 32") == "ins-format"


@pytest.mark.parametrize("length", [0, 12, 14, 16, 5000])
def test_length_is_13_or_15(length):
    """Any other length than 13 or 15 is refused (F19)."""
    assert code_of("2" * length) == "ins-length"


@pytest.mark.parametrize(("month", "accepted"), [("12", True), ("20", True), ("42", True), ("99", True)])
def test_unknown_months_are_20_to_99(month, accepted):
    """Months 20 to 99 stand for a month that the registry does not know (F19)."""
    body = f"284{month}88321025"

    assert parse_ins(body + key_of(body), NIR, production=True).key_valid is accepted


@pytest.mark.parametrize("month", ["00", "13", "19"])
def test_other_months_do_not_exist(month):
    """Months 00 and 13 to 19 are refused whatever the key (F19)."""
    body = f"284{month}88321025"

    assert code_of(body + key_of(body)) == "ins-format"


def test_corsica_has_two_departments():
    """2A and 2B exist and 2C does not (F19)."""
    assert code_of("284052C32102552") == "ins-format"


def test_small_letters_are_made_capital_once():
    """A sender's 2a is the same identity as 2A (F19)."""
    small, capital = ("2 84 05 2" + letter + " 321 025 52" for letter in "aA")

    assert parse_ins(small, NIR, production=True) == parse_ins(capital, NIR, production=True)


@pytest.mark.parametrize(
    "value",
    [
        "\u066279035121518989",
        "\uff1279035121518989",
        "\x00279035121518989",
        "\ufeff279035121518989",
        "279035121518989\u200b",
        "27903512151898²",
        "2\u00a079035121518989",
    ],
    ids=["arabic", "full-width", "nul", "bom", "zwsp", "superscript", "nbsp"],
)
def test_only_ascii_digits_count(value):
    """Characters that merely look like digits or like nothing are refused, never repaired (F19)."""
    assert code_of(value) in {"ins-format", "ins-length"}


@pytest.mark.parametrize("value", ["279035121518989\n", "-79035121518989", "27903512151898x"])
def test_nothing_but_the_number(value):
    """Signs, line ends and letters are no part of a number (F19)."""
    assert code_of(value) in {"ins-format", "ins-length"}


@pytest.mark.parametrize("oid", [TEST, DEMO])
def test_test_oids_have_no_place_in_production(oid):
    """A test or demonstration identity is refused in production (F19)."""
    assert code_of(OFFICIAL[5], oid) == "ins-test-oid"


@pytest.mark.parametrize("oid", [INS_A, INS_C])
def test_calculated_ins_is_refused_by_name(oid):
    """The calculated identifiers that the INS replaced are refused (F19)."""
    assert code_of("2790351215189890123456", oid, production=False) == "ins-legacy-oid"


@pytest.mark.parametrize("oid", ["", "1.2.250.1.213.1.4.12", NIR + " "])
def test_unknown_oid_is_refused(oid):
    """An OID outside the table is refused (F19)."""
    assert code_of(OFFICIAL[5], oid, production=False) == "ins-oid"


@pytest.mark.parametrize("oid", [TEST, DEMO])
def test_wrong_key_under_a_test_oid_is_flagged(oid):
    """A wrong key under a test OID is kept as sent and flagged (F19)."""
    ins = parse_ins("279035121518900", oid, production=False)

    assert (ins.value, ins.key_valid) == ("279035121518900", False)


@pytest.mark.parametrize("oid", [NIR, NIA])
def test_wrong_key_under_a_production_oid_is_refused_everywhere(oid):
    """A production OID demands a right key, outside production too (F19)."""
    assert code_of("279035121518900", oid, production=False) == "ins-key"


def test_kind_is_part_of_the_identity():
    """The same number as NIR and as NIA is two identities (F19)."""
    assert parse_ins(OFFICIAL[0], NIR, production=True) != parse_ins(OFFICIAL[0], NIA, production=True)


def test_representation_hides_the_number():
    """An identity that is printed by accident shows no number."""
    ins = parse_ins(OFFICIAL[0], NIR, production=True)

    assert ins.body not in repr(ins)
    assert ins.body not in str(ins)


@given(bodies)
def test_computed_key_is_valid(body):
    """A well-formed number validates with its computed key; without a key it is the same person (F19)."""
    full = parse_ins(body + key_of(body), NIR, production=True)

    assert full == parse_ins(body, NIR, production=True)
    assert (full.body, full.key) == (body, key_of(body))


@given(bodies, st.integers(0, 14), st.integers(1, 9))
def test_a_changed_digit_never_validates(body, position, step):
    """One digit mistyped anywhere is always noticed (F19)."""
    value = body + key_of(body)
    if not value[position].isdigit():
        return
    changed = value[:position] + str((int(value[position]) + step) % 10) + value[position + 1 :]

    assert code_of(changed) in {"ins-key", "ins-format"}


@given(bodies, st.booleans())
def test_canonical_form_is_stable(body, spaced):
    """Reading the canonical form again changes nothing (F19)."""
    value = " ".join(body) if spaced else body.lower()
    once = parse_ins(value, NIR, production=True)

    assert parse_ins(once.value, NIR, production=True) == once
