import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.identity import (
    ProfessionalIdError,
    StructureIdError,
    parse_finess,
    parse_national_id,
    parse_professional_id,
    parse_rpps,
    parse_structure_id,
)
from shared.identity.luhn import luhn_digit, luhn_valid


@pytest.mark.parametrize("value", ["99700366240", "99700024450", "99900007776"])
def test_published_rpps_are_valid(value):
    """ANS's test numbers pass the Luhn digit (F22)."""
    assert parse_rpps(value, production=True).luhn_valid


@pytest.mark.parametrize("value", ["750712184", "310781406", "440000289", "800000044", "2A0000014", "2B0000020"])
def test_real_finess_are_valid(value):
    """Numbers of real hospitals pass the Luhn digit, Corsica's included (F22)."""
    assert parse_finess(value, production=True).luhn_valid


def test_wrong_luhn_is_an_error_in_production_only():
    """ANS's sample RPPS breaks the Luhn digit: refused in production, flagged elsewhere (F22)."""
    assert not parse_rpps("01234534765", production=False).luhn_valid
    with pytest.raises(ProfessionalIdError, match=r"^rpps-luhn$"):
        parse_rpps("01234534765", production=True)


@pytest.mark.parametrize(
    ("value", "code"),
    [("9970036624", "rpps-length"), ("9970036624A", "rpps-format"), ("9970036624\u0660", "rpps-format")],
)
def test_rpps_is_eleven_digits(value, code):
    """A RPPS is eleven ASCII digits (F22)."""
    with pytest.raises(ProfessionalIdError, match=f"^{code}$"):
        parse_rpps(value, production=False)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("75071218", "finess-length"),
        ("75071218A", "finess-format"),
        ("2C0000014", "finess-format"),
        ("750712185", "finess-luhn"),
    ],
)
def test_finess_is_nine_characters(value, code):
    """A FINESS is a department, seven digits and a Luhn digit (F22)."""
    with pytest.raises(StructureIdError, match=f"^{code}$"):
        parse_finess(value, production=True)


def test_national_ids_carry_a_prefix():
    """A national id is 8 and the RPPS, or 1 and the FINESS, and nothing else is taken for one (F22)."""
    assert parse_professional_id("899700366240", production=True).id_nat == "899700366240"
    assert parse_structure_id("1750712184", production=True).id_nat == "1750712184"
    with pytest.raises(ProfessionalIdError, match=r"^rpps-prefix$"):
        parse_professional_id("099700366240", production=True)
    with pytest.raises(StructureIdError, match=r"^finess-prefix$"):
        parse_structure_id("3750712184", production=True)


@pytest.mark.parametrize(
    "value", ["0759912345", "1750712184", "3750712184/0123456", "4123456789/12", "512345678900012/A7", "610001234567/1"]
)
def test_older_national_ids(value):
    """Who has no RPPS is known by ADELI, or by the work place and a number of its own behind a slash (F22)."""
    assert parse_national_id(value, production=False) == value


@pytest.mark.parametrize(
    "value", ["10001234567", "30001234567", "3750712184/", "3abc", "075991234", "1750712184/1", ""]
)
def test_no_number_passes_for_another(value):
    """F49: an RPPS without its prefix is nobody's national id, or whoever is blocked under it would not be."""
    with pytest.raises(ProfessionalIdError, match=r"^idnat-format$"):
        parse_national_id(value, production=False)


@given(st.from_regex(r"[0-9]{8,10}", fullmatch=True), st.integers(0, 9))
def test_one_digit_checks(digits, other):
    """Exactly one digit completes a number (F22)."""
    assert luhn_valid(digits + luhn_digit(digits))
    assert luhn_valid(digits + str(other)) is (str(other) == luhn_digit(digits))
