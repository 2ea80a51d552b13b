"""The commands on held events, against doors that are played by a function."""

import asyncio
import json
from datetime import UTC, datetime

import httpx
import pytest
from typer.testing import CliRunner

from cli import parked, replaying
from cli.doors import MAX_KEYS, SERVICES
from cli.held import age, described, details, groups
from tests.unit.cli.played import QUEUE, Doors, at, handle


@pytest.fixture
def doors(monkeypatch):
    """Give doors that answer at http://<service>/ops/messaging, and tokens."""
    played = Doors()
    real = httpx.AsyncClient
    monkeypatch.setattr(
        httpx, "AsyncClient", lambda **options: real(transport=httpx.MockTransport(played), auth=options["auth"])
    )
    for service in SERVICES:
        monkeypatch.setenv(f"CARNET_{service.upper()}_URL", f"http://{service}")
    monkeypatch.setenv("CARNET_OPERATOR_TOKEN", "first")
    monkeypatch.setenv("CARNET_SECOND_OPERATOR_TOKEN", "second")
    return played


def run(*arguments):
    """Run a command; return its exit code and what it wrote."""
    result = CliRunner().invoke(parked.app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, result.output


def test_groups_by_cause():
    """What is held is grouped by service, queue, state and reason, with the age of its oldest."""
    doors = Doors()
    doors.hold(3)
    doors.hold(1, state="parked", reason="failed")
    found = groups(("ingest", row) for row in reversed(doors.rows))
    assert [(each["state"], each["reason"], each["count"]) for each in found] == [
        ("parked", "failed", 1),
        ("quarantined", "ins-unknown", 3),
    ]
    assert found[1]["oldest"] == at(0)


def test_age_in_its_largest_unit():
    """An age is written in its largest unit."""
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert [
        age(f"2026-11-{day}T{time}Z", now) for day, time in ((21, "11:59:57"), (21, "10:30:00"), (19, "12:00:00"))
    ] == [
        "3 s",
        "1 h",
        "2 d",
    ]


def test_a_group_tells_its_cause_and_what_to_do():
    """A group shows its name, count, cause, meaning and whether more is coming, in 80 columns; the largest is first."""
    now = datetime(2026, 11, 21, 9, 41, tzinfo=UTC)
    group: dict[str, object] = {
        "queue": QUEUE,
        "state": "parked",
        "reason": "failed",
        "fingerprint": "KeyError@store:12",
        "count": 1204,
    }
    group |= {"handle": "7k3m-9xqd", "oldest": at(0), "newest": "2026-11-21T09:40:48+00:00", "replayed": 12}
    other: dict[str, object] = {
        "queue": QUEUE,
        "state": "waiting",
        "reason": "person-unknown",
        "count": 2,
        "handle": "p4wa-22ft",
    }
    other |= {"oldest": at(0), "newest": at(1), "bars": [1, 1], "due": "2026-11-21T09:41:07+00:00"}
    lines = [line.plain for line in described([other, {**group, "bars": [0, 1, 8, 4]}], now)]
    assert lines[2:7] == [
        f"7k3m-9xqd  1,204 parked  {QUEUE}",
        "           failed KeyError@store:12",
        "           Processing failed; the fingerprint says where.",
        "            ▁█▄  41 min to 12 s ago  still coming",
        "           12 came back after a replay",
    ]
    assert "           tried again by itself, the next one in 7 s" in lines
    assert any("./carnet parked replay 7k3m-9xqd --dry-run" in line for line in lines)
    assert lines[0].startswith("1,206 events held, 2 causes")
    assert max(map(len, lines)) <= 80


def test_one_event_tells_its_history():
    """An event shows its state, cause, age and every act of an operator, with what it was before."""
    act: dict[str, object] = {"at": at(60), "act": "replay", "by": "alice", "reason": "mended", "set": "7k3m-9xqd"}
    act["was"] = {"state": "parked", "reason": "failed", "fingerprint": "KeyError@store:12", "attempts": 4}
    row: dict[str, object] = {
        "key": f"{QUEUE}|/insurers/msa|f/1",
        "queue": QUEUE,
        "state": "parked",
        "reason": "failed",
    }
    row |= {"attempts": 4, "at": at(0), "history": [act]}
    text = "\n".join(line.plain for line in details(row, datetime(2026, 11, 21, 9, 41, tzinfo=UTC)))
    assert "parked, 4 attempts" in text
    assert "replay of 7k3m-9xqd by alice" in text
    assert "it was parked: failed KeyError@store:12" in text
    assert "./carnet trace '/insurers/msa|f/1'" in text


def test_list_says_nothing_is_held(doors):
    """An empty list says so and ends well, with or without the word."""
    assert run("list") == run() == (0, "Nothing is held.\n")


def test_a_silent_service_hides_nobody(doors):
    """What the others hold is listed when one service is away; who is away is said, and the exit code tells it."""
    doors.hold(3)
    doors.silent.add("records")
    code, output = run("list")
    assert code == 2
    assert "3 quarantined" in output
    assert "records does not answer" in output


def test_list_as_json(doors):
    """The list as JSON has the groups with their counts, whatever number of pages they take."""
    doors.hold(MAX_KEYS + 7)
    code, output = run("list", "--json")
    (group,) = json.loads(output)["groups"]
    assert (code, group["service"], group["count"]) == (0, "ingest", MAX_KEYS + 7)


def test_replay_reaches_what_was_listed(doors):
    """A replay by reason names the set that was just listed, part by part, and nothing else."""
    doors.hold(MAX_KEYS + 7)
    doors.hold(2, state="parked", reason="failed")
    code, output = run("replay", "--reason", "ins-unknown", "--because", "registered since", "--rate", "10000")
    assert (code, output.splitlines()[-1]) == (0, f"{MAX_KEYS + 7} events replayed.")
    assert [(host, path, body["start"], body["reason"]) for host, path, body, _ in doors.asked] == [
        ("ingest", "replay", 0, "registered since"),
        ("ingest", "replay", MAX_KEYS, "registered since"),
    ]
    assert f"{MAX_KEYS + 7} applied" in output
    assert "1 joined since and are left alone" in output


def test_replay_by_name(doors):
    """A group is replayed by its name, typed with or without its dash; JSON waits for nothing."""
    doors.hold(3)
    assert run("replay", handle("ins-unknown").replace("-", ""), "--json") == (0, '{"replayed": 3}\n')


def test_a_rehearsal_changes_nothing(doors):
    """--dry-run says how many would be replayed and how many joined since, and posts nothing."""
    doors.hold(3)
    code, output = run("replay", handle("ins-unknown"), "--dry-run")
    assert code == 0
    assert "Replay 3 events" in output
    assert "Nothing was done" in output
    assert not doors.asked


def test_one_goes_first(doors):
    """With a canary one event goes ahead; if it fails again the others are left as they are."""
    doors.hold(30)
    doors.helps = False
    code, output = run("replay", handle("ins-unknown"), "--canary")
    assert (code, len(doors.asked)) == (0, 1)
    assert "The first one failed again (failed X@y:1)" in output
    doors.helps = True
    assert run("replay", handle("ins-unknown"), "--canary", "--rate", "10000")[0] == 0
    assert len(doors.asked) == 3


async def test_a_rate_is_kept(monkeypatch):
    """So many events a second: a pause after each part but before the first none."""
    slept = []

    async def sleep(seconds):
        slept.append(round(seconds, 1))

    monkeypatch.setattr(replaying, "monotonic", lambda: 100.0)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    pace = replaying.Pace(10, 100.0)
    for _ in range(4):
        await pace.wait(pace.step)
    assert (pace.step, slept) == (2, [0.0, 0.2, 0.4, 0.6])


def test_an_unknown_name_says_so(doors):
    """A name that nothing was listed as ends with a sentence."""
    assert run("replay", "0000-0000") == (
        1,
        "Nothing was listed as 0000-0000 within the last 7 days: `./carnet parked` lists anew.\n",
    )


def test_replay_of_nothing_tells_it_by_its_exit_code(doors):
    """A script sees from the exit code that nothing was held."""
    assert run("replay", "--reason", "nothing") == (1, "0 events replayed.\n")


def test_a_group_is_shown_with_what_became_of_it(doors):
    """A group's page has its cause, who listed it, what became of it and its first events, numbered."""
    doors.hold(30)
    code, output = run("show", handle("ins-unknown"))
    assert code == 0
    assert "30 as they were" in output
    assert "1  /insurers/msa|f/000000" in output
    assert "and 10 more" in output


def test_a_group_is_discarded_with_two_tokens(doors):
    """A group is discarded by its name, with a reason, in the names of two operators."""
    doors.hold(3)
    assert run("discard", handle("ins-unknown"), "--because", "sent in error")[0] == 0
    _, path, body, headers = doors.asked[0]
    assert (path, body["reason"], headers["second-operator"]) == ("discard", "sent in error", "Bearer second")


def test_replay_without_any_choice_is_refused(doors):
    """Everything is never replayed by accident."""
    assert run("replay")[0] == 3
    assert run("replay", "x|y", "--reason", "failed")[0] == 3
    assert not doors.asked


def test_discard_shows_two_tokens(doors):
    """What destroys is asked for in the names of two operators, with a reason."""
    doors.hold(1)
    key = doors.rows[0]["key"]
    assert run("discard", key, "--because", "sent in error") == (0, "1 event discarded.\n")
    host, _, body, headers = doors.asked[0]
    assert (host, body) == ("ingest", {"keys": [key], "reason": "sent in error"})
    assert (headers["authorization"], headers["second-operator"]) == ("Bearer first", "Bearer second")


def test_an_unknown_key_is_a_refusal(doors):
    """A key that the service does not know ends with its answer and exit code 2."""
    code, output = run("show", f"{QUEUE}|/insurers/msa|f/1")
    assert code == 2
    assert "404 (not-found)" in output


def test_what_is_no_key(doors):
    """A key begins with the name of a queue of a service."""
    assert run("show", "what")[0] == 3
