"""What a line may not depend on, and what may not be known of it (F37, F47, F78)."""

import inspect

import pytest

from services.ingest.handlers.reimbursements import accept_reimbursements
from shared.messaging.unit import DONE, Outcome, State
from shared.sealing import KeyClass
from tests.fakes.ingest import OTHER_INS, REVERSED, line

SECRETS = {
    "honest": {},
    "unknown person": {"ins__value": OTHER_INS},
    "wrong INS": {"ins__value": "x"},
    "wrong amounts": {"paid": 1},
    "reversal": {"reverses": "F-2026-10/1", **REVERSED},
}


@pytest.mark.parametrize("changes", SECRETS.values(), ids=SECRETS)
async def test_secret_of_minors(service, changes):
    """Care that a minor keeps secret goes nowhere: not kept, not sealed, not even refused or told (F37)."""
    await service.register()
    keys = dict(service.vault.keys)
    (event,), unit = await service.lines(line(minor_secret=True, **changes))
    assert unit.outcome_of(event) == Outcome(State.IGNORED, "minor-secret")
    assert not unit.emitted
    assert not unit.effects
    assert service.vault.keys == keys


async def test_no_state_of_a_record_stops_a_line(service):
    """Ingest asks nothing of a record: with keys destroyed and nobody's consent, a line is taken all the same (F78)."""
    record = await service.register()
    await service.vault.destroy_keys(record, list(KeyClass))
    (event,), unit = await service.lines(line())
    assert unit.outcome_of(event) is DONE
    ports = set(inspect.signature(accept_reimbursements).parameters) - {"events", "unit"}
    assert ports == {"vault", "insurers", "index_key", "clock", "production"}


async def test_insurer_data_alone(service):
    """A line needs nothing that a professional deposits: no prescriber, no speciality, no structure (F47)."""
    await service.register()
    bare = line(prescribed_on=None, prescriber=None, performer={"id_nat": "899700366240", "name": "DOC"})
    (event,), unit = await service.lines(bare)
    assert unit.outcome_of(event) is DONE
