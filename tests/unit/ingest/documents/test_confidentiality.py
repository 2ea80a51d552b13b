"""Levels and hidings."""

import pytest

from services.ingest.domain.documents.confidentiality import HIDINGS, check_level, with_hidings
from shared.errors import RefusedError
from shared.terminology import confidentiality


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ([], ("N",)),
        (["MASQUE_PS"], ("N", "MASQUE_PS")),
        (["INVISIBLE_PATIENT"], ("N", "INVISIBLE_PATIENT")),
        (["INVISIBLE_REPRESENTANTS_LEGAUX", "MASQUE_PS"], ("N", "MASQUE_PS", "INVISIBLE_REPRESENTANTS_LEGAUX")),
        (["MASQUE_PS", "MASQUE_PS"], ("N", "MASQUE_PS")),
    ],
)
def test_hidings(asked, kept):
    """A document has its level and each hiding once, in one order."""
    assert with_hidings("N", asked, combined=False) == kept


def test_combination():
    """F36: hidden from the patient and from professionals at once is refused, unless combining is switched on."""
    both = ["INVISIBLE_PATIENT", "MASQUE_PS"]
    with pytest.raises(RefusedError, match="confidentiality-combination"):
        with_hidings("R", both, combined=False)
    assert with_hidings("R", HIDINGS, combined=True) == ("R", *HIDINGS)


@pytest.mark.parametrize("asked", [["N"], ["masque_ps"], ["MASQUE_PS", "X"], [""]])
def test_unknown_hidings(asked):
    """What is no hiding cannot be asked for, and is not repeated."""
    with pytest.raises(RefusedError) as refusal:
        with_hidings("N", asked, combined=True)
    assert str(refusal.value) == "field-range at confidentiality"


def test_levels():
    """A document says N, R or V; with the hidings these are the six codes of the nomenclature."""
    assert [check_level(code, "confidentiality") for code in "NRV"] == ["N", "R", "V"]
    assert all(confidentiality(code) for code in ("N", "R", "V", *HIDINGS))
    for code in ("X", "n", *HIDINGS):
        with pytest.raises(RefusedError):
            check_level(code, "confidentiality")
