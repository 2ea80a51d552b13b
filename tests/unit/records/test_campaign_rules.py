"""Whom the campaign reaches, and when."""

from datetime import date

import pytest

from services.records.domain.campaign import Campaign, Phase, Territory

PILOT = Territory(frozenset({"31", "44", "80"}), frozenset({"RG", "MSA", "MGEN"}))
CAMPAIGN = Campaign(PILOT, pilot_from=date(2021, 7, 1), national_from=date(2022, 1, 1))


def reached(campaign: Campaign, today: date, department: str, regime: str) -> bool:
    """Tell whether a notice would be sent to a person on a day."""
    territory = campaign.territory(today)
    return territory is not None and territory.holds(department, regime)


@pytest.mark.parametrize("department", ["31", "44", "80"])
@pytest.mark.parametrize("regime", ["RG", "MSA", "MGEN"])
def test_the_pilot(department: str, regime: str):
    """In the pilot, the three departments and the three regimes are reached (F01)."""
    assert reached(CAMPAIGN, date(2021, 12, 31), department, regime)


@pytest.mark.parametrize(("department", "regime"), [("35", "RG"), ("44", "RATP"), ("2A", "MSA"), ("974", "RG")])
def test_the_others_wait(department: str, regime: str):
    """Everybody else waits for the national phase, which begins on 1 January 2022 (F01)."""
    assert not reached(CAMPAIGN, date(2021, 12, 31), department, regime)
    assert reached(CAMPAIGN, date(2022, 1, 1), department, regime)


@pytest.mark.parametrize(
    ("today", "phase"),
    [
        (date(2021, 6, 30), None),
        (date(2021, 7, 1), Phase.PILOT),
        (date(2021, 12, 31), Phase.PILOT),
        (date(2022, 1, 1), Phase.NATIONAL),
    ],
)
def test_the_phases(today: date, phase: Phase | None):
    """Nobody is reached before the pilot; each phase begins on its day (F82)."""
    assert CAMPAIGN.phase(today) is phase
    assert (CAMPAIGN.territory(today) is None) == (phase is None)


def test_another_territory_is_configuration():
    """The nine funds of 2016, or any other territory, are a table and no code (F82)."""
    earlier = Territory(frozenset({"67", "64", "22", "25", "31", "37", "63", "80", "94"}))
    campaign = Campaign(earlier, pilot_from=date(2016, 12, 1), national_from=date(2018, 11, 1))

    assert reached(campaign, date(2017, 1, 1), "67", "RATP")
    assert not reached(campaign, date(2017, 1, 1), "44", "RG")
