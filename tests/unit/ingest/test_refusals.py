"""What never became an event: told to the log, and to the publisher if the broker knew one."""

import pytest

from services.ingest.handlers.refusals import refuse_unreadable
from shared.errors import RefusedError
from shared.messaging.delivery import Refusal
from shared.messaging.topology import EVENTS, FEEDBACK
from shared.messaging.unit import Unit
from tests.fakes.ingest import CPAM, INS, INSURERS, NOON, StoppedClock


def _told(**changes):
    refusal = {
        "error": RefusedError("field-type", "data.paid"),
        "position": 3,
        "refused_id": "F/1",
        "message_id": "m-1",
        "user": CPAM.user,
        "wire_type": "reimbursement.settled.v1",
        **changes,
    }
    unit = Unit()
    refuse_unreadable([Refusal(**refusal)], unit, insurers=INSURERS, clock=StoppedClock())
    return unit.emitted


@pytest.mark.parametrize(
    ("wire_type", "answer"),
    [
        ("reimbursement.settled.v1", "reimbursement.refused.v1"),
        ("beneficiary.registered.v1", "beneficiary.refused.v1"),
        ("anything.else.v9", "message.refused.v1"),
        ("", "message.refused.v1"),
    ],
)
def test_answer(wire_type, answer):
    """The answer is of the family that was published, and goes to the log and to the insurer."""
    log, feedback = _told(wire_type=wire_type)
    assert (log.exchange, log.key, feedback.exchange, feedback.key) == (EVENTS, answer, FEEDBACK, "cpam-44")
    assert log.event is feedback.event
    assert (log.event.subject, log.event.time) == (None, NOON)
    assert log.event.data.model_dump() == {
        "reason": "field-type",
        "field": "data.paid",
        "insurer": "cpam-44",
        "refused_id": "F/1",
        "message_id": "m-1",
        "position": 3,
    }


@pytest.mark.parametrize("user", [None, "nobody"])
def test_unknown_publisher(user):
    """Without a known publisher only the log is told."""
    (log,) = _told(user=user)
    assert (log.exchange, log.event.data.insurer) == (EVENTS, None)


@pytest.mark.parametrize("text", [None, "", "a b", "$x", "x" * 129, "x\n", "é", f"{INS} "])
def test_only_ids_are_repeated(text):
    """Of what the sender wrote nothing is repeated but an id that has the form of one."""
    for each in _told(refused_id=text, message_id=text):
        assert each.event.data.refused_id is None
        assert each.event.data.message_id is None


def test_wire_type_is_not_repeated():
    """A routing key is the sender's text too."""
    assert all(b"Dupont" not in each.event.to_json() for each in _told(wire_type="Dupont"))
