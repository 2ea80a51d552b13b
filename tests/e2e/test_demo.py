"""The first thing a newcomer runs: the whole system as processes, fed by insurers, with books that balance."""

import json
import re
import time
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from bson import encode
from pymongo import MongoClient

from deploy.local import mongodb
from deploy.local.ports import remembered
from shared.clock import paris_date
from simulator.claims import claims
from simulator.population import Person, people
from simulator.publications import Season, is_open
from tests.e2e.conftest import LINES, PEOPLE, Demo, Log, Result, publish

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def test_books_balance(summary: Result):
    """For every flow, published is the sum of what became of it, in every flow of every service (rule 14)."""
    assert summary["balanced"], summary["flows"]


def test_every_arc_did_what_was_expected(summary: Result):
    """Letters, openings, histories, documents and reads: what people expect is what the doors counted."""
    wrong = [check for arc in summary["arcs"] for check in arc["checks"] if check["expected"] != check["counted"]]
    assert wrong == []


@pytest.mark.parametrize(
    "what",
    [
        "letters posted",
        "records opened by the deadline",
        "histories asked for and answered",
        "documents in records",
        "requests of strangers denied",
    ],
)
def test_every_arc_was_walked(summary: Result, what: str):
    """Nothing is right because nothing happened (F05, F09, F25, F48)."""
    (check,) = [check for arc in summary["arcs"] for check in arc["checks"] if check["what"] == what]
    assert check["counted"] > 0


def test_every_event_ended_as_expected(summary: Result):
    """What the insurers expect by the law is what the services' doors counted, mistakes by their reasons included."""
    wrong = [each for each in summary["comparison"] if each["expected"] != each["counted"]]
    assert wrong == []
    reasons = {each["reason"] for each in summary["comparison"] if each["state"] == "refused"}
    assert {"ins-key", "source-foreign", "id-reuse", "amount-inconsistent", "date-invalid"} <= reasons


def test_every_refusal_reached_its_sender(summary: Result):
    """The insurers read as many refusals as were sent to them."""
    assert summary["refusals_read"] == summary["refusals_sent"] > 0


def test_the_log_is_whole(summary: Result):
    """The log was recomputed from its first entry and has one entry per event.

    It goes on between the books and the export: statements come every five seconds, and the export is an entry first.
    """
    assert summary["log"]["valid"]
    everything = next(flow for flow in summary["flows"] if flow["queue"] == "audit.all")
    entries = int(re.findall("valid: ([0-9,]+) entries", summary["log"]["sentence"])[0].replace(",", ""))
    assert 0 <= entries - everything["applied"] <= 20


def test_the_summary_says_that_all_is_well(demo: Demo, summary: Result):
    """Nothing is under way at the end, and the text says what the JSON says."""
    assert summary["good"]
    assert summary["moving"] == {}
    assert "The books balance in every flow" in demo.output


def test_doors_ask_for_a_token(summary: Result):
    """No door of an operator opens without a token."""
    for service in ("ingest", "records", "notifications", "audit"):
        answer = httpx.get(f"{summary['addresses'][service]}/ops/messaging", trust_env=False)
        assert answer.status_code == 401


def test_what_is_held_can_be_listed_and_replayed(demo: Demo, summary: Result):
    """Lines of people whom nobody registered are held, listed by reason, and replayed exactly as listed."""
    listed = demo.command("parked", "list", "--reason", "ins-unknown", "--json")
    (group,) = json.loads(listed.stdout)["groups"]
    assert (group["state"], group["count"] > 0) == ("quarantined", True)
    replayed = demo.command("parked", "replay", "--reason", "ins-unknown", "--because", "test", "--json")
    assert json.loads(replayed.stdout) == {"replayed": group["count"]}


def test_a_look_is_written_in_the_log(demo: Demo, summary: Result):
    """An operator's look at an event is an entry of the log, which still verifies."""
    before = demo.command("audit", "verify").stdout
    key = demo.command("parked", "list", "--state", "refused", "--keys").stdout.splitlines()[0]
    shown = demo.command("parked", "show", key, "--json")
    assert json.loads(shown.stdout)["state"] == "refused"
    deadline = time.monotonic() + 20
    while (after := demo.command("audit", "verify")).stdout == before and time.monotonic() < deadline:
        time.sleep(0.5)
    assert after.returncode == 0
    assert after.stdout != before


async def test_one_reimbursement_walks_through(demo: Demo, summary: Result):
    """A person with an old DMP is registered and a line settled: the log shows each step, in order (F03, F45)."""
    person = next(each for each in people(99, 500) if is_open(each))
    now = datetime.now(UTC)
    season = Season(now.isoformat(), paris_date(now))
    log = Log(summary["addresses"])
    await publish(demo, season.registration(person))
    opened = log.wait_for("account.opened.v1")
    subject = next(each["subject"] for each in opened if each["type"] == "account.opened.v1")
    settlement = season.settlement(person, _recent_line(person, season.today))
    await publish(demo, settlement)
    entries = log.wait_for("record.updated.v1")
    assert [each["type"] for each in entries if each["subject"] == subject] == [
        "beneficiary.accepted.v1",
        "account.opened.v1",
        "reimbursement.received.v1",
        "record.updated.v1",
    ]
    last = next(each for each in entries if each["subject"] == subject and each["type"] == "record.updated.v1")
    settled = json.loads(settlement.body)
    _has_a_tree(demo, f"{settled['source']}|{settled['id']}", last)


def _has_a_tree(demo: Demo, line_key: str, last: Result) -> None:
    """From the insurer's line, `./carnet trace` finds every step down to the last event's place in the log."""
    (line,) = json.loads(demo.command("trace", line_key, "--json").stdout)
    assert line["source"].startswith("/insurers/")
    assert [(row["service"], row["state"]) for row in line["received"]] == [("ingest", "done")]
    (received,) = line["caused"]
    assert received["envelope"]["type"] == "reimbursement.received.v1"
    assert {row["service"]: "entry" in row for row in received["received"]} == {"records": False, "audit": True}
    (updated,) = received["caused"]
    assert [row["entry"] for row in updated["received"]] == [last["index"]]
    assert updated["envelope"]["sent"] >= updated["envelope"]["created"] >= received["envelope"]["created"]


def _recent_line(person: Person, today: date):
    return next(
        line
        for line in claims(person, 99, 40, until=today)
        if (today - line.care_start).days < 600 and not line.minor_secret and line.reverses is None
    )


def test_nobody_is_in_the_logs(demo: Demo, summary: Result):
    """No number, name or address of a person stands in anything that the processes wrote."""
    everything = b"".join(each.read_bytes() for each in (demo.home / "demo" / "logs").glob("*.log"))
    assert everything
    assert traces_of_people(everything) == set()


def test_nobody_is_in_the_databases(demo: Demo, summary: Result):
    """No number, name or address of a person stands in clear in any row of any collection."""
    home = demo.home / "demo"
    password = json.loads((home / "passwords.json").read_text())["mongodb:admin"]
    with MongoClient[dict[str, Any]](mongodb.url(remembered(home)["mongo"], "admin", password)) as client:
        rows = [
            encode(row)
            for database in set(client.list_database_names()) - {"admin", "config", "local"}
            for name in client[database].list_collection_names()
            for row in client[database][name].find()
        ]
    assert len(rows) > PEOPLE * LINES
    assert traces_of_people(b"".join(rows)) == set()


def test_a_person_in_clear_would_be_found():
    """What looks for people finds one."""
    someone = next(iter(people(1, 1)))
    row = encode({"name": someone.birth_name, "ins": someone.ins})
    assert traces_of_people(row) == {someone.birth_name.encode(), someone.ins[:13].encode()}


def traces_of_people(written: bytes) -> set[bytes]:
    """Return what of the demonstration's people stands in these bytes; texts so short as to occur by chance apart."""
    told = {
        text.encode()
        for person in people(1, PEOPLE)
        for text in (person.ins[:13], person.email, person.birth_name, *person.address)
        if text is not None and len(text) > 5
    }
    return {text for text in told if text in written}
