"""The tree of one event, against doors that are played by a table."""

import json

import httpx
import pytest
from typer.testing import CliRunner

from cli import trace
from cli.doors import SERVICES

LINE, RECEIVED, UPDATED = "flux-7/12", "a" * 32, "b" * 32
BEGAN = "2026-11-22T03:12:09."


def receipt(service, flow, source, ms, **more):
    """Return what a service says that it received."""
    row = {"service": service, "queue": f"{service}.{flow}", "type": flow, "source": source, "state": "done"}
    return row | {"at": f"{BEGAN}{ms:03}000+00:00", "history": []} | more


def envelope(event_id, source, wire_type, ms, cause, **more):
    """Return an event as its publisher's outbox still has it."""
    told = {"id": event_id, "source": source, "type": wire_type, "exchange": "events", "key": wire_type, "cause": cause}
    return told | {"created": f"{BEGAN}{ms:03}000Z", "sent": f"{BEGAN}{ms + 12:03}000Z"} | more


LINE_RECEIVED = envelope(RECEIVED, "/ingest", "reimbursement.received.v1", 120, f"/insurers/msa|{LINE}")
GROWN = envelope(UPDATED, "/records", "record.updated.v1", 160, f"/ingest|{RECEIVED}")

RECEIPTS = {
    ("ingest", LINE): [receipt("ingest", "reimbursement.settled.v1", "/insurers/msa", 120)],
    ("records", RECEIVED): [receipt("records", "reimbursement.received.v1", "/ingest", 160)],
    ("audit", RECEIVED): [receipt("audit", "#", "/ingest", 180, entry=1203)],
    ("audit", UPDATED): [receipt("audit", "#", "/records", 190, entry=1204)],
}
CAUSED = {("ingest", LINE): [LINE_RECEIVED], ("records", RECEIVED): [GROWN]}
PUBLISHED = {("ingest", RECEIVED): LINE_RECEIVED, ("records", UPDATED): GROWN}


class Doors:
    """Plays every service's /ops/messaging/trace."""

    def __init__(self):
        self.silent = set()
        self.beside = {}

    def __call__(self, request):
        """Answer a request."""
        service, query = request.url.host, request.url.params
        if service in self.silent:
            raise httpx.ConnectError("refused")
        key = service, query["id"]
        own = query.get("source") == f"/{service}"
        told = {"received": RECEIPTS.get(key, []), "caused": CAUSED.get(key, []), "beside": self.beside.get(key, {})}
        return httpx.Response(200, json={**told, "published": PUBLISHED.get(key) if own else None})


@pytest.fixture
def doors(monkeypatch):
    """Give doors that answer at http://<service>."""
    played = Doors()
    real = httpx.AsyncClient
    monkeypatch.setattr(
        httpx, "AsyncClient", lambda **options: real(transport=httpx.MockTransport(played), auth=options["auth"])
    )
    for service in SERVICES:
        monkeypatch.setenv(f"CARNET_{service.upper()}_URL", f"http://{service}")
    monkeypatch.setenv("CARNET_OPERATOR_TOKEN", "first")
    return played


def run(*arguments):
    """Run the command; return its exit code and what it wrote."""
    result = CliRunner().invoke(trace.app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, result.output


TREE = f"""\
/insurers/msa|{LINE}  Sun 22 Nov 2026, UTC
                      reimbursement.settled.v1
03:12:09.120          └─ ingest  applied
03:12:09.120             └─ reimbursement.received.v1  aaaaaaaa…  sent in 12 ms
03:12:09.160   +40 ms       ├─ records  applied
03:12:09.160   +40 ms       │  └─ record.updated.v1  bbbbbbbb…  sent in 12 ms
03:12:09.190   +70 ms       │     └─ audit  logged, entry 1,204
03:12:09.180   +60 ms       └─ audit  logged, entry 1,203
"""


@pytest.mark.parametrize(
    "asked", [LINE, f"/insurers/msa|{LINE}", f"ingest.reimbursement.settled.v1|/insurers/msa|{LINE}"]
)
def test_the_tree_from_an_insurer_s_line_to_the_log(doors, asked):
    """An event's tree shows where it was applied, what that caused, and its entries in the log, with times."""
    assert run(asked) == (0, TREE)
    assert max(map(len, TREE.splitlines())) <= 80


def test_the_tree_from_its_middle(doors):
    """Whichever event of a tree is asked for, the causes are followed up to the root."""
    assert run(f"/records|{UPDATED}") == run(f"/ingest|{RECEIVED}") == (0, TREE)


def test_what_is_stuck_is_to_be_seen(doors, monkeypatch):
    """A message that was not sent, an event that is parked and an operator's act stand in the tree."""
    act = {"at": f"{BEGAN}170000+00:00", "act": "replay", "by": "alice"}
    held = {"state": "parked", "reason": "failed", "fingerprint": "KeyError@store:12", "attempts": 4, "history": [act]}
    unsent = {name: value for name, value in LINE_RECEIVED.items() if name != "sent"}
    parked = receipt("records", "reimbursement.received.v1", "/ingest", 160, **held)
    monkeypatch.setitem(RECEIPTS, ("records", RECEIVED), [parked])
    monkeypatch.setitem(CAUSED, ("ingest", LINE), [unsent])
    monkeypatch.delitem(CAUSED, ("records", RECEIVED))
    _, output = run(LINE)
    assert "reimbursement.received.v1  aaaaaaaa…  not sent yet" in output
    assert "records  parked" in output
    assert "failed KeyError@store:12 4 attempts" in output
    assert "replay by alice" in output


def test_what_was_told_with_others(doors, monkeypatch):
    """Where one message tells of several events, those that it does not name as its cause say so."""
    monkeypatch.delitem(CAUSED, ("records", RECEIVED))
    doors.beside["records", RECEIVED] = {"record.updated.v1": 1}
    assert "told with others: record.updated.v1" in run(LINE)[1]


def test_a_tree_as_json(doors):
    """The tree as JSON nests what was caused."""
    (tree,) = json.loads(run(LINE, "--json")[1])
    assert tree["received"][0]["state"] == "done"
    assert tree["caused"][0]["caused"][0]["envelope"]["type"] == "record.updated.v1"


def test_an_event_that_nobody_knows(doors):
    """An id without any row ends with a sentence and exit code 1."""
    code, output = run("nothing")
    assert code == 1
    assert "No service has a row of nothing" in output


def test_a_silent_service_leaves_a_gap(doors):
    """The tree is shown without the part of a service that is away, which is said, and the exit code tells it."""
    doors.silent.add("audit")
    code, output = run(LINE)
    assert code == 2
    assert "records  applied" in output
    assert "audit does not answer" in output
