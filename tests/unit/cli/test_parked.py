"""The commands on held events, against doors that are played by a function."""

import json
from datetime import UTC, datetime

import httpx
import pytest
from typer.testing import CliRunner

from cli import parked
from cli.doors import MAX_KEYS, SERVICES
from cli.held import age, described, groups

QUEUE = "ingest.reimbursement.settled.v1"


class Doors:
    """Plays every service's /ops/messaging: rows in memory, and a list of what was asked."""

    def __init__(self):
        self.rows = []
        self.asked = []

    def hold(self, count, *, state="quarantined", reason="ins-unknown"):
        """Add held rows."""
        start = len(self.rows)
        self.rows += [
            {"key": f"{QUEUE}|/insurers/msa|f/{n:06}", "queue": QUEUE, "state": state, "reason": reason, "at": _at(n)}
            for n in range(start, start + count)
        ]

    def __call__(self, request):
        """Answer a request."""
        path = request.url.path.removeprefix("/ops/messaging")
        if path == "/events":
            return httpx.Response(200, json=self._page(dict(request.url.params), request.url.host))
        body = json.loads(request.content)
        self.asked.append((request.url.host, path, body, dict(request.headers)))
        if path == "/show":
            return httpx.Response(404, json={"code": "not-found"})
        held = [row for row in self.rows if row["key"] in body["keys"]]
        return httpx.Response(200, json={f"{path[1:].rstrip('e')}ed": len(held)})

    def _page(self, query, host):
        if host != "ingest":
            return {"rows": [], "next": None}
        limit, after = int(query.pop("limit")), query.pop("after", "")
        rows = [row for row in self.rows if row["key"] > after and query.items() <= row.items()][:limit]
        return {"rows": rows, "next": rows[-1]["key"] if len(rows) == limit else None}


def _at(n):
    return datetime(2026, 11, 21, 9, n // 60 % 60, n % 60, tzinfo=UTC).isoformat()


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
    assert found[1]["oldest"] == _at(0)


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


def test_lines_are_whole_and_aligned():
    """Nothing is cut off, whatever reads the list; a failure shows its fingerprint, a reason its meaning."""
    doors = Doors()
    doors.hold(2)
    doors.hold(1, state="parked", reason="failed")
    doors.rows[-1]["fingerprint"] = "KeyError@store:12"
    found = groups(("ingest", row) for row in doors.rows)
    assert list(described(found, datetime(2026, 11, 21, 12, tzinfo=UTC))) == [
        "queue                            state        reason                    count  oldest",
        f"{QUEUE}  parked       failed KeyError@store:12      1     2 h",
        f"{QUEUE}  quarantined  ins-unknown                   2     3 h",
        "",
        "failed       Processing failed; the fingerprint says where.",
        "ins-unknown  Nobody is registered under this INS.",
    ]


def test_list_says_nothing_is_held(doors):
    """An empty list says so and ends well."""
    assert run("list") == (0, "Nothing is held.\n")


def test_list_as_json(doors):
    """The list as JSON has the groups with their counts, whatever number of pages they take."""
    doors.hold(MAX_KEYS + 7)
    code, output = run("list", "--json")
    (group,) = json.loads(output)["groups"]
    assert (code, group["service"], group["count"]) == (0, "ingest", MAX_KEYS + 7)


def test_replay_names_exactly_what_was_listed(doors):
    """A replay by reason posts the keys that were found, in parts the door accepts, and nothing else."""
    doors.hold(MAX_KEYS + 7)
    doors.hold(2, state="parked", reason="failed")
    code, output = run("replay", "--reason", "ins-unknown", "--because", "registered since")
    assert (code, output) == (0, f"{MAX_KEYS + 7} events replayed.\n")
    posted = [key for _, path, body, _ in doors.asked if path == "/replay" for key in body["keys"]]
    assert posted == [row["key"] for row in doors.rows if row["reason"] == "ins-unknown"]


def test_replay_of_nothing_tells_it_by_its_exit_code(doors):
    """A script sees from the exit code that nothing was held."""
    assert run("replay", "--reason", "nothing") == (1, "0 events replayed.\n")


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
