"""Who may be taken over from: the dead and the silent, for a reason that is in the history (rule 7)."""

from typing import Any

import pytest

from chaos.aftermath import Adoption, Aftermath
from tests.unit.chaos.spoiling import Spoil, violated


def _taken(at: float, *, member: str | None = "records.worker.1", since: float = 1.0) -> Adoption:
    return Adoption(at, "records.host.77.abcd", member, since)


KILLED_AT_3 = {"t": 3.0, "process": "rig", "op": "restart", "phase": "info", "name": "records.worker.1"}


def _struck(name: str, what: str) -> dict[str, Any]:
    return {"t": 3.0, "process": "rig", "op": "fault", "phase": "invoke", "name": name, "struck": what}


def _after(moment: dict[str, Any], taken: Adoption) -> Spoil:
    def spoil(moments: list[dict[str, Any]], left: Aftermath) -> None:
        moments.append(moment)
        left.adoptions = [taken]

    return spoil


@pytest.mark.parametrize(
    ("moment", "taken"),
    [
        pytest.param(KILLED_AT_3, _taken(40.0), id="it died"),
        pytest.param(KILLED_AT_3, _taken(3000.0), id="it died, long ago"),
        pytest.param(KILLED_AT_3, _taken(40.0, member=None), id="one of its service died before it said anything"),
        pytest.param(_struck("freeze-worker", "records.worker.1"), _taken(40.0), id="it was frozen"),
        pytest.param(_struck("stall", "everybody>database"), _taken(40.0), id="nobody could tell that he lived"),
    ],
)
def test_who_was_silent_may_be_taken_over_from(moment: dict[str, Any], taken: Adoption) -> None:
    """A death before it, or a silence not long before it, explains a take-over of unsent messages."""
    assert violated(_after(moment, taken)) == {}


@pytest.mark.parametrize(
    ("moment", "taken"),
    [
        pytest.param(KILLED_AT_3, _taken(40.0, since=5.0), id="the one before it died"),
        pytest.param(KILLED_AT_3, _taken(40.0, member="records.worker.2"), id="another of its service died"),
        pytest.param(KILLED_AT_3, _taken(2.0), id="it died afterwards"),
        pytest.param(_struck("freeze-worker", "records.worker.1"), _taken(400.0), id="frozen, and long awake again"),
        pytest.param(_struck("alarm", "memory"), _taken(40.0), id="a fault that silences nobody"),
    ],
)
def test_who_lived_may_not_be_taken_over_from(moment: dict[str, Any], taken: Adoption) -> None:
    """What was done to somebody else, at another time, or to nobody's voice explains nothing (rule 7)."""
    assert "adoption" in violated(_after(moment, taken))
