"""The law of the books, on answers as the doors give them."""

from cli.books import Count, all_books, answers_sent, drained, emitted_events, ends, histories_asked, in_motion

LINES = "ingest.reimbursement.settled.v1"
TOLD = {"reimbursement.refused.v1": 3, "history.requested.v1": 4}
STILL = {"messages": 0, "events": 0, "oldest_seconds": 0.0}


def system(**changes):
    """Return answers of three doors whose books balance, with changes to the flow of lines at ingest."""
    lines = {
        "done": 90,
        "duplicate": 2,
        "ignored": {"minor-secret": 3},
        "refused": {"ins-key": 2, "id-reuse": 1},
        "quarantined": {"ins-unknown": 2},
        "queued": 0,
        "dead": 0,
        "emitted": {"events": {"reimbursement.received.v1": 90, "reimbursement.refused.v1": 3}, "feedback": TOLD},
    }
    received = {"done": 20, "ignored": {"account-not-open": 70}, "queued": 0, "dead": 0, "emitted": {}}
    return {
        "ingest": {"flows": {LINES: lines | changes}, "outbox": STILL},
        "records": {"flows": {"records.reimbursement.received.v1": received}, "outbox": STILL},
        "audit": {"flows": {"audit.all": {"done": 93, "queued": 0, "dead": 0}}, "outbox": STILL},
    }


def of(queue, books):
    """Return the books of one flow."""
    return next(each for each in books if each.queue == queue)


def test_every_flow_balances():
    """Published is the sum of every end, in the insurers' flows and in the services' own (rule 14)."""
    books = all_books(system(), {"reimbursement.settled.v1": 98})
    assert all(each.balanced for each in books)
    assert (of(LINES, books).published, of(LINES, books).applied) == (98, 90)
    assert of("records.reimbursement.received.v1", books).published == 90


def test_a_lost_event_shows():
    """One event that nobody can account for unbalances its flow and no other."""
    books = all_books(system(done=89), {"reimbursement.settled.v1": 98})
    assert [each.queue for each in books if not each.balanced] == [LINES]


def test_an_event_applied_twice_shows():
    """One event too many is as wrong as one too few."""
    assert not of(LINES, all_books(system(done=91), {"reimbursement.settled.v1": 98})).balanced


def test_a_copy_is_no_event():
    """However often an event came, and whatever the copies were taken for, it is one (decision 0011)."""
    for copies in (0, 2, 5_000):
        books = of(LINES, all_books(system(duplicate=copies, redelivered=7), {"reimbursement.settled.v1": 98}))
        assert (books.balanced, books.duplicate) == (True, copies)


def test_the_log_takes_everything():
    """Audit's flow is fed by every event that any service published."""
    assert of("audit.all", all_books(system(), {})).published == 93
    assert emitted_events(system()).total() == 93


def test_unknown_types_have_a_flow_of_their_own():
    """What is published under a routing key that no flow binds is what the flow of the unknown must show."""
    books = all_books(system(), {"reimbursement.settled.v1": 98, "reimbursement.settled.v9": 4, "what": 1})
    assert of("ingest.unknown", books).published == 5


def test_in_flight_is_measured():
    """What is in flight is what waits and what is queued, as the doors counted it: never a difference."""
    books = of(LINES, all_books(system(waiting={"ins-unknown": 4}, queued=2, dead=1), {}))
    assert books.in_flight == 7
    assert not books.balanced


def test_motion_is_named():
    """A system at rest has nothing to say; otherwise each thing that moves is named with its number."""
    assert drained(system())
    moving = system(waiting={"failed": 4}, queued=2)
    moving["ingest"]["outbox"] = {"messages": 1, "events": 9, "oldest_seconds": 1.0}
    assert in_motion(moving) == {
        f"events waiting in {LINES}": 4,
        f"messages in {LINES}": 2,
        "events unsent by ingest": 9,
    }


def test_ends_by_reason():
    """Every end is counted under its reason, zeros left out."""
    counted = ends(system(), [LINES])
    assert counted[Count(LINES, "done", None)] == 90
    assert counted[Count(LINES, "refused", "id-reuse")] == 1
    assert counted.total() == 100
    assert Count(LINES, "parked", None) not in counted


def test_answers_to_insurers():
    """Every refusal that was sent back is counted, and so is every history that was asked for."""
    assert (answers_sent(system()), histories_asked(system())) == (3, 4)
