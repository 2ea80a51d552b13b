"""The demonstration's result follows from what the insurers confirmed and what the doors counted."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from cli.demonstration.insurance import rates
from cli.demonstration.report import print_addresses, report
from cli.demonstration.story import Sample, Story
from cli.demonstration.summary import Verdict, compare, summarise
from cli.demonstration.view import clock, live, plain, speed
from simulator.publications import End

LINES = "ingest.reimbursement.settled.v1"
STILL = {"messages": 0, "events": 0, "oldest_seconds": 0.0}
NAMED = Verdict(valid=True, sentence="tampered: entry 0: leaf-altered")
ADDRESSES = {"ingest": "http://127.0.0.1:1", "issuer": "http://127.0.0.1:2"}


@pytest.fixture
def story():
    """Give a story that ended well: ten lines, one of them refused."""
    story = Story(2, 5, 1, Path("/logs"))
    flow = {"done": 9, "refused": {"ins-key": 1}, "queued": 0, "dead": 0}
    flow["emitted"] = {"events": {"reimbursement.refused.v1": 1}, "feedback": {"reimbursement.refused.v1": 1}}
    log = {"done": 1, "queued": 0, "dead": 0}
    story.summaries = {
        "ingest": {"flows": {LINES: flow}, "outbox": STILL},
        "audit": {"flows": {"audit.all": log}, "outbox": STILL},
    }
    story.tally.published["reimbursement.settled.v1"] = 10
    story.tally.expected.update({End(LINES, "done"): 9, End(LINES, "refused", "ins-key"): 1})
    story.tally.told["ins-key"] = 1
    return story


def result(story, *, valid=True):
    """Return the summary of a story."""
    return summarise(story, (Verdict(valid, f"valid: 1 entries, root {'ab' * 32}"), NAMED), ADDRESSES, 3.0)


def test_all_is_well(story):
    """Books that balance, ends as expected, refusals read and a valid log: all is well."""
    summary = result(story)
    assert summary.good
    assert summary.as_json()["flows"][1]["balanced"] is True


def test_a_wrong_log_is_not_well(story):
    """A log that does not verify is enough to fail."""
    assert not result(story, valid=False).good


def test_an_unread_refusal_is_not_well(story):
    """Every refusal has to reach the insurer who caused it."""
    story.tally.told.clear()
    assert not result(story).agreed


def test_the_wrong_reason_is_not_well(story):
    """The same number of refusals for another reason still balances, and does not agree."""
    story.summaries["ingest"]["flows"][LINES]["refused"] = {"ins-format": 1}
    summary = result(story)
    assert summary.balanced
    assert [(each.reason, each.expected, each.counted) for each in compare(story) if not each.agrees] == [
        ("ins-format", 0, 1),
        ("ins-key", 1, 0),
    ]


def test_what_still_moves_is_not_well(story):
    """A system that is not at rest has not shown anything."""
    story.summaries["ingest"]["outbox"] = {"messages": 1, "events": 1, "oldest_seconds": 0.1}
    assert not result(story).good


def test_rates_are_counted_to_the_last_percent(story):
    """A rate lasts from the first line published until nearly all had come to a stage."""
    story.lines_began, story.lines_ended = 100.0, 102.0
    story.samples = [
        Sample(101.0, 600, 500, 0, 0),
        Sample(104.0, 1000, 995, 400, 20),
        Sample(110.0, 1000, 1000, 500, 20),
    ]
    assert rates(story) == {"published": 500.0, "checked": 247.5, "decided": 99.0, "logged": 247.5}


def test_speed_is_of_the_last_seconds():
    """The speed shown is that of now, not of the whole run."""
    samples = [Sample(0, 0, 0, 0, 0), Sample(10, 9000, 0, 0, 0), Sample(12, 9500, 0, 0, 0)]
    assert speed(samples, "published") == 250.0
    assert speed([], "published") == 0.0


@pytest.mark.parametrize("width", [80, 120])
def test_the_picture_fits_the_terminal(story, width):
    """Nothing that is shown is cut off or broken into two lines, on a terminal of the usual width."""
    story.tally.published["reimbursement.settled.v1"] = 20_323
    story.summaries["ingest"]["flows"][LINES]["done"] = 19_961
    out = StringIO()
    console = Console(file=out, width=width, highlight=False)
    console.print(live(story))
    report(result(story), console)
    print_addresses(result(story), Path("/demo/try.env"), console)
    text = out.getvalue()
    assert "…" not in text
    assert "reimbursement.settled.v1" in text
    assert "The books do not balance in every flow" in text


def test_lines_for_a_log_file(story):
    """Without a terminal the same is said in one line."""
    story.phase = "The insurers register people"
    assert "The insurers register people: 0 people" in plain(story)
    assert clock(125.9) == "02:05"
