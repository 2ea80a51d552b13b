"""The rules on one settled line (F22, F45, F46)."""

from datetime import date

import pytest

from services.ingest.domain.acts import ean13_valid
from services.ingest.domain.claims import check_line, line_id
from services.ingest.domain.days import latest_day
from shared.contracts.insurers import ReimbursementV1Data
from shared.errors import RefusedError
from tests.fakes.ingest import CPAM, INDEX_KEY, MSA, NOON, line

TODAY = date(2026, 11, 15)


def _check(changes, event_id="F-2026-11/7", insurer=CPAM, *, production=True):
    data = ReimbursementV1Data.model_validate(line(**changes))
    check_line(event_id, data, insurer, latest=TODAY, production=production)


def _refusal_of(changes, *args, **options):
    with pytest.raises(RefusedError) as refusal:
        _check(changes, *args, **options)
    return refusal.value.code, refusal.value.field


def _act(family, code):
    return {"act__family": family, "act__code": code}


@pytest.mark.parametrize(
    ("family", "code"),
    [
        ("NGAP", "G"),
        ("NGAP", "FTR"),
        ("CCAM", "HBMD053"),
        ("CCAM", "QEQJ001"),
        ("CIP13", "3400930000007"),
        ("UCD", "9064295"),
        ("LPP", "1397790"),
        ("NABM", "1208"),
        ("GHS", "7976"),
        ("GHS", "05M09T"),
    ],
)
def test_codes(family, code):
    """An act's code has the form of its nomenclature (F45)."""
    _check(_act(family, code))


@pytest.mark.parametrize(
    ("family", "code"),
    [
        ("NGAP", "1208"),
        ("CCAM", "HBMD53"),
        ("CCAM", "G"),
        ("CIP13", "3400930000001"),
        ("CIP13", "3500930000007"),
        ("CIP13", "340093000000"),
        ("UCD", "90642950"),
        ("LPP", "139779"),
        ("NABM", "12080"),
        ("GHS", "G"),
    ],
)
def test_foreign_codes(family, code):
    """A code that its nomenclature cannot contain is refused (F45)."""
    assert _refusal_of(_act(family, code)) == ("act-code-invalid", "data.act.code")


def test_ean13():
    """The last digit of a CIP13 guards the others (F45)."""
    assert ean13_valid("3400930000007")
    assert not any(ean13_valid(f"340093000000{digit}") for digit in "012345689")


@pytest.mark.parametrize("event_id", ["F-2026-11/8", "F-2026-12/7", "F-2026-11/07", "F-2026-11"])
def test_id(event_id):
    """A line's id is its flux and its number, so that its insurer's key is the key (F45)."""
    assert _refusal_of({}, event_id) == ("id-mismatch", "id")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"care_end": "2026-11-02"}, ("date-order", "data.care_end")),
        ({"settled_on": "2026-11-02"}, ("date-order", "data.settled_on")),
        ({"prescribed_on": "2026-11-04"}, ("date-order", "data.prescribed_on")),
        ({"care_end": "2026-11-16"}, ("date-future", "data.care_end")),
        ({"settled_on": "2026-11-16"}, ("date-future", "data.settled_on")),
        ({"care_start": "2026-11-16", "care_end": "2026-11-16"}, ("date-order", "data.settled_on")),
    ],
)
def test_days(changes, refusal):
    """Prescription, care and settlement follow each other, and none lies in the future (F45)."""
    assert _refusal_of(changes) == refusal


def test_same_day():
    """Everything may happen on one day, today included (F45)."""
    _check(dict.fromkeys(["prescribed_on", "care_start", "care_end", "settled_on"], "2026-11-15"))
    _check({"prescribed_on": None})


def test_latest_day():
    """A day has begun when it has begun in Wallis-et-Futuna, twelve hours ahead (F45)."""
    assert latest_day(NOON.replace(hour=11, minute=59)) == date(2026, 11, 15)
    assert latest_day(NOON) == date(2026, 11, 16)


@pytest.mark.parametrize(
    "changes",
    [
        {"performer__id_nat": "899700366241"},
        {"performer__id_nat": "099700366"},
        {"performer__id_nat": "89970036624"},
        {"performer__finess": "750712185"},
        {"performer__finess": "75071218"},
        {"prescriber__id_nat": "799700366240"},
        {"prescriber__finess": "XX0712184"},
    ],
)
def test_professionals(changes):
    """A professional is named by 8 and the RPPS, a structure by its FINESS, check digits included (F22)."""
    name = next(iter(changes)).replace("__", ".")
    assert _refusal_of(changes) == ("ps-id-invalid", f"data.{name}")


def test_structure_performs():
    """A structure may perform in its own name: 1 and the FINESS (F22)."""
    _check({"performer__id_nat": "1750712184", "performer__finess": None})


def test_samples_outside_production():
    """Outside production a sample's check digit is not required, its form is (F22)."""
    sample = {"performer__id_nat": "801234534765", "performer__finess": "750712185"}
    _check(sample, production=False)
    assert _refusal_of(sample, production=True)[0] == "ps-id-invalid"


def test_regime():
    """An insurer settles for its own regime (F45)."""
    assert _refusal_of({"regime": "MSA"}) == ("regime-mismatch", "data.regime")
    assert _refusal_of({}, insurer=MSA) == ("regime-mismatch", "data.regime")


def test_caisse():
    """An insurer settles for its own funds; one without a list, for any of its regime (F45)."""
    assert _refusal_of({"caisse": "311"}) == ("caisse-mismatch", "data.caisse")
    _check({"regime": "MSA", "caisse": "311"}, insurer=MSA)


@pytest.mark.parametrize("number", ["", "979035121518989", "27903512151898", "2790351215189A9"])
def test_holder(number):
    """The holder of the insurance has a NIR or a provisional number (F45)."""
    assert _refusal_of({"holder_nir": number}) == ("holder-nir-invalid", "data.holder_nir")


@pytest.mark.parametrize(
    "number", ["2790351215189", "2840588321025 32".replace(" ", ""), "284052A32102552", "7790351215189"]
)
def test_holders(number):
    """A holder's number may lack its key, be Corsican or provisional (F45)."""
    _check({"holder_nir": number})


AMOUNTS = {"quantity": -1, "paid": -2700, "base": -2500, "reimbursed": -1750, "excess": -200}


def test_reversal():
    """A reversal names the line it cancels and has the opposite amounts (F46)."""
    _check({**AMOUNTS, "reverses": "F-2026-10/3"})


@pytest.mark.parametrize("target", ["F-2026-11/7", "F-2026-10/03", "F-2026-10/0"])
def test_reversal_target(target):
    """A reversal names another line, exactly as that line's own id was written (F46)."""
    assert _refusal_of({**AMOUNTS, "reverses": target}) == ("reversal-target", "data.reverses")


def test_line_id():
    """A line's opaque id is the same for the same line, and another for another source, line or key (F46)."""
    name = line_id(INDEX_KEY, CPAM.source, "F/1")
    assert name == line_id(INDEX_KEY, CPAM.source, "F/1")
    assert len(bytes.fromhex(name)) == 16
    others = {
        line_id(INDEX_KEY, MSA.source, "F/1"),
        line_id(INDEX_KEY, CPAM.source, "F/2"),
        line_id(bytes(32), CPAM.source, "F/1"),
    }
    assert len(others | {name}) == 4
