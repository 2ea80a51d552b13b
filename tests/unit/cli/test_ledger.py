"""What `./carnet ledger` says, and what its repair dares to send."""

from typing import Any

import pytest

from cli import ledger
from cli.doors import MessagingDoors
from cli.ledger import DOORS, repair_flow

QUEUE = "records.reimbursement.received.v1"
FINDING = {
    "kind": "event-missing",
    "flow": QUEUE,
    "origin": "ingest",
    "slice": "2026-11-22T02:47:00Z",
    "missing": 2,
    "since": "2026-11-22T02:48:10Z",
}


class Doors(MessagingDoors):
    """Plays the doors of two services: ingest sent three messages of two events in that minute."""

    def __init__(self, unseen: set[str]) -> None:
        super().__init__(None, {"ingest": "", "records": ""})  # type: ignore[arg-type]
        self.unseen = unseen
        self.resent: list[list[str]] = []

    async def ask(self, service: str, method: str, path: str, **request: Any) -> dict[str, Any]:
        """See `MessagingDoors.ask`."""
        if path == DOORS:
            return {"findings": [FINDING] if service == "records" else []}
        if path == f"{DOORS}/sent":
            assert (service, request["params"]) == ("ingest", {"queue": QUEUE, "minute": "2026-11-22T02:47"})
            return {"rows": [{"row": n, "events": [f"/ingest|{n}1", f"/ingest|{n}2"]} for n in "abc"], "next": None}
        if path == f"{DOORS}/unseen":
            assert service == "records"
            return {"events": [each for each in request["json"]["events"] if each in self.unseen]}
        assert (service, method, path) == ("ingest", "POST", f"{DOORS}/resend")
        self.resent.append(request["json"]["rows"])
        return {}


async def test_exactly_what_was_never_seen_is_sent_again():
    """Messages with an unseen event are sent again, and no others (rule 8)."""
    doors = Doors({"/ingest|b1", "/ingest|b2"})
    (done,) = await repair_flow(doors, QUEUE, None, dry_run=False)
    assert doors.resent == [["b"]]
    assert not done.left
    assert "2 of them sent again in 1 messages" in done.sentence(dry_run=False)


async def test_a_dry_run_sends_nothing():
    """What would be sent is said first."""
    doors = Doors({"/ingest|b1", "/ingest|b2"})
    (done,) = await repair_flow(doors, QUEUE, None, dry_run=True)
    assert doors.resent == []
    assert "would be sent again" in done.sentence(dry_run=True)


async def test_removed_rows_are_not_applied_twice():
    """More events without a row than never arrived: some took effect, so nothing is sent again."""
    doors = Doors({"/ingest|a1", "/ingest|b1", "/ingest|b2"})
    (done,) = await repair_flow(doors, QUEUE, None, dry_run=False)
    assert doors.resent == []
    assert done.left
    assert "not sent" in done.sentence(dry_run=False)


async def test_what_the_outbox_lost_is_said():
    """What the publisher does not hold any more cannot be repaired, and is counted."""
    (done,) = await repair_flow(Doors({"/ingest|b1"}), QUEUE, None, dry_run=False)
    assert done.left
    assert "1 are not in the publisher's outbox any more" in done.sentence(dry_run=False)


@pytest.mark.parametrize(("findings", "code"), [([], ledger.NOTHING), ([{"service": "records", **FINDING}], 1)])
def test_what_is_missing_is_the_exit_code(findings: list[Any], code: int, monkeypatch: pytest.MonkeyPatch):
    """A script learns from the exit code whether anything is missing, a reader what and since when."""
    from typer.testing import CliRunner

    monkeypatch.setattr(ledger, "_with_doors", lambda _act: ({}, findings))
    result = CliRunner().invoke(ledger.app, [])
    assert result.exit_code == code
    assert ("Nothing is missing." in result.output) == (not findings)
    assert ("event-missing: 2 in records.reimbursement.received.v1 from ingest" in result.output) == bool(findings)
