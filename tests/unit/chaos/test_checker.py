"""The checker of chaos runs: a clean run is clean, and each kind of violation is found, with its own name."""

from typing import Any

import pytest

from chaos.aftermath import Aftermath, End, Sent
from chaos.checker import judge
from tests.unit.chaos import made_up as run
from tests.unit.chaos.spoiling import Spoil, violated


def test_a_clean_run_is_clean() -> None:
    """Nothing is wrong where everything is as it must be, and every check looked at something."""
    findings = judge(run.history(), run.aftermath())
    assert {each.name: each.violations for each in findings if each.violations} == {}
    assert all(each.checked for each in findings if each.name != "adoption")


def _second_line(_: object, left: Aftermath) -> None:
    left.lines["line-2"] = "r1"


def _passed_on_twice(_: object, left: Aftermath) -> None:
    left.sent["/ingest|r2"] = left.sent[run.RECEIVED]
    left.rows[run.LINES]["/ingest|r2"] = End("ignored", "line-known")
    left.log["/ingest|r2"] = 1


def _stray_entry(_: object, left: Aftermath) -> None:
    left.log["/records|nobody"] = 1


def _stray_row(_: object, left: Aftermath) -> None:
    left.rows[run.LINES]["/ingest|nobody"] = run.DONE


def _nobody_published(moments: list[dict[str, Any]], _: Aftermath) -> None:
    moments[:] = [moment for moment in moments if moment.get("message") != 1 and moment["n"] != 1]


def _unlike(moments: list[dict[str, Any]], _: Aftermath) -> None:
    next(moment for moment in moments if "statuses" in moment)["statuses"][run.CORRECTED] = "approved"


def _spoilt_bytes(moments: list[dict[str, Any]], _: Aftermath) -> None:
    next(moment for moment in moments if "intact" in moment)["intact"] = False


def _counted_twice(_: object, left: Aftermath) -> None:
    left.summaries["records"]["flows"][run.LINES]["done"] += 1


def _counted_twice_behind_a_copy(moments: list[dict[str, Any]], left: Aftermath) -> None:
    """A copy of which nobody knows is none more."""
    again = {"message": 1, "attempt": 2, "key": "reimbursement.settled.v1", "events": 1}
    moments += run.operation(9, "insurer.msa", "publish", again, "info", {})
    left.summaries["ingest"]["flows"][run.INGEST_LINES]["done"] += 1


def _missing_beside_a_copy(_: object, left: Aftermath) -> None:
    """An event that nobody counted is not made good by a copy of another one."""
    flow = left.summaries["ingest"]["flows"][run.INGEST_LINES]
    flow["done"] -= 1
    flow["duplicate"] = 1


def _put(**changes: Any) -> Spoil:
    def spoil(_: object, left: Aftermath) -> None:
        for name, value in changes.items():
            setattr(left, name, value)

    return spoil


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        pytest.param("lost", lambda _, left: left.rows[run.INGEST_LINES].pop(run.LINE), id="not taken in"),
        pytest.param("lost", lambda _, left: left.rows[run.LINES].pop(run.RECEIVED), id="not handed on"),
        pytest.param("lost", lambda _, left: left.sent.pop(run.RECEIVED), id="never passed on"),
        pytest.param("lost", lambda _, left: left.log.pop(run.ACCEPTED), id="not logged"),
        pytest.param("lost", lambda _, left: left.lines.clear(), id="applied without effect"),
        pytest.param("lost", lambda _, left: left.documents.pop(run.DOCUMENT), id="document not stored"),
        pytest.param("doubled", _passed_on_twice, id="passed on twice"),
        pytest.param("doubled", _second_line, id="two lines of one event"),
        pytest.param("doubled", _put(sent_twice=["/ingest|r1"]), id="two outbox rows"),
        pytest.param("doubled", lambda _, left: left.log.update([run.ACCEPTED]), id="two log entries"),
        pytest.param("unexpected", _stray_entry, id="entry of nothing"),
        pytest.param("unexpected", _stray_row, id="row of nothing"),
        pytest.param("unexpected", _nobody_published, id="event of nobody"),
        pytest.param(
            "unexpected",
            lambda _, left: left.rows[run.LINES].update({run.RECEIVED: End("ignored", "account-not-open")}),
            id="another end",
        ),
        pytest.param("stuck", _put(stuck={"messages in records.all": 3}), id="still queued"),
        pytest.param(
            "parked",
            lambda _, left: left.rows[run.LINES].update({run.RECEIVED: End("parked", "failed")}),
            id="parked without being a poison",
        ),
        pytest.param(
            "parked", lambda _, left: left.rows[run.INGEST_LINES].pop("message|ff:0"), id="poison that went through"
        ),
        pytest.param("order", _put(registered={run.RECORD: 1}), id="an older version won"),
        pytest.param("order", _put(contacts={run.RECORD: 1}), id="an older contact won"),
        pytest.param("order", _unlike, id="a corrected document stands"),
        pytest.param("documents", lambda _, left: left.documents.pop(run.DOCUMENT), id="deposit answered and gone"),
        pytest.param("documents", _spoilt_bytes, id="other bytes than deposited"),
        pytest.param("reads", lambda _, left: left.traces.pop(run.READ), id="answered without a trace"),
        pytest.param("reads", lambda _, left: left.traces.pop(run.UNSEEN), id="denied without a trace"),
        pytest.param("reads", lambda _, left: left.traces.update([run.READ]), id="two traces of one answer"),
        pytest.param("reads", _put(traces_unreadable=1), id="a trace that does not open"),
        pytest.param("log", _put(log_fault="entry 3: it is missing"), id="a log that was changed"),
        pytest.param("log", lambda _, left: left.appended.update({"audit.1": 1, "audit.2": -1}), id="by the overtaken"),
        pytest.param("books", _counted_twice, id="a batch counted twice"),
        pytest.param("books", _counted_twice_behind_a_copy, id="a batch counted twice behind a copy"),
        pytest.param("books", _missing_beside_a_copy, id="an event missing beside a copy"),
        pytest.param("books", _put(summaries={}), id="doors that say nothing"),
    ],
)
def test_each_violation_is_found(name: str, spoil: Spoil) -> None:
    """Each way to break a promise is told under the name of that promise."""
    assert name in violated(spoil)


def test_statements_of_the_ledger_come_from_no_outbox() -> None:
    """What services state about what they published is in no outbox, and still nobody's stray event."""

    def spoil(_: object, left: Aftermath) -> None:
        left.rows["ingest.ledger.stated.v1"] = {"/audit|s1": run.DONE}
        left.summaries["ingest"]["flows"]["ingest.ledger.stated.v1"] = {"done": 1, "emitted": {}}

    assert "unexpected" not in violated(spoil)


def _unconfirmed(moments: list[dict[str, Any]], number: int) -> None:
    next(moment for moment in moments if moment["n"] == number and moment["phase"] == "ok")["phase"] = "info"


@pytest.mark.parametrize("arrived", [True, False])
def test_what_nobody_knows_may_be_there_or_not(arrived: bool) -> None:
    """A message that was never confirmed is neither lost where it is absent nor unexpected where it is there."""

    def spoil(moments: list[dict[str, Any]], left: Aftermath) -> None:
        _unconfirmed(moments, 1)
        if not arrived:
            flow = left.summaries["ingest"]["flows"][run.INGEST_LINES]
            del left.rows[run.INGEST_LINES][run.LINE], flow["done"]
            for key in (run.RECEIVED, run.UPDATED):
                del left.sent[key], left.log[key], left.rows["audit.all"][key]
                flow["emitted"]["events"][
                    {run.RECEIVED: "reimbursement.received.v1"}.get(key, "record.updated.v1")
                ] -= 1
            flow["emitted"]["events"] |= {"reimbursement.received.v1": 0, "record.updated.v1": 0}
            left.rows[run.LINES].clear()
            left.lines.clear()
            left.summaries["records"]["flows"][run.LINES]["done"] = 0
            left.summaries["audit"]["flows"]["audit.all"]["done"] -= 2

    assert violated(spoil) == {}


@pytest.mark.parametrize("traced", [True, False])
def test_a_read_of_unknown_outcome_has_a_trace_or_none(traced: bool) -> None:
    """Whoever got no answer may have been traced; both are right."""

    def spoil(moments: list[dict[str, Any]], left: Aftermath) -> None:
        _unconfirmed(moments, 5)
        if not traced:
            del left.traces[run.READ]

    assert violated(spoil) == {}


@pytest.mark.parametrize("came", ["ok", "info"])
@pytest.mark.parametrize("counted", [{}, {"duplicate": 1}, {"redelivered": 1}, {"duplicate": 2, "redelivered": 3}])
def test_a_copy_is_no_second_event(came: str, counted: dict[str, int]) -> None:
    """An insurer that publishes again sends copies: one event, whatever its copies were counted as (decision 0011).

    A copy in the hands of a worker that is killed comes back as handed over before; one in the hands of a worker whose
    connection broke is handed to another as well.
    """

    def spoil(moments: list[dict[str, Any]], left: Aftermath) -> None:
        again = {"message": 1, "attempt": 2, "key": "reimbursement.settled.v1", "events": 1}
        moments += run.operation(9, "insurer.msa", "publish", again, came, {})
        left.summaries["ingest"]["flows"][run.INGEST_LINES].update(counted)

    assert violated(spoil) == {}


@pytest.mark.parametrize("heard", [1, 2])
def test_a_take_over_that_nobody_heard_of_accuses_nobody(heard: int) -> None:
    """A sequencer that died before it could say that it took over leaves entries that may be anybody's."""

    def spoil(_: object, left: Aftermath) -> None:
        left.reigns = [reign for reign in left.reigns if reign.epoch in (heard, 3)]

    assert "log" not in violated(spoil)


KILLED = ("parked", "process-killer")


def _killers(moments: list[dict[str, Any]], left: Aftermath) -> None:
    """One event that kills whoever reads it, and one that kills records' handler."""
    at_records = {"ends": [[run.INGEST_LINES, "done", None], [run.LINES, *KILLED]], "ids": ["k2/1"]}
    moments += run.publish(8, "reimbursement.settled.v1", [{"bad": 1, "end": [run.INGEST_LINES, *KILLED]}])
    moments += run.publish(9, "reimbursement.settled.v1", [at_records])
    left.rows[run.INGEST_LINES] |= {"message|ee": End(*KILLED), "/insurers/msa|k2/1": End("done")}
    left.sent["/ingest|k"] = Sent("events", "reimbursement.received.v1", "/insurers/msa|k2/1", run.RECORD)
    left.rows[run.LINES]["/ingest|k"] = End(*KILLED)
    left.rows["audit.all"]["/ingest|k"] = End("done")
    left.log["/ingest|k"] = 1


def test_what_the_rig_poisoned_is_parked() -> None:
    """What kills its reader or its handler is expected to be parked, each once."""
    assert not violated(_killers).keys() - {"books"}  # which the made-up run has summed up before


@pytest.mark.parametrize(("queue", "key"), [(run.INGEST_LINES, "message|ee"), (run.LINES, "/ingest|k")])
def test_a_killer_that_is_not_parked_is_found(queue: str, key: str) -> None:
    """A killer that was applied, or is gone, is a violation."""

    def spoil(moments: list[dict[str, Any]], left: Aftermath) -> None:
        _killers(moments, left)
        left.rows[queue][key] = End("done")

    assert "parked" in violated(spoil)
