"""What the simulated insurers publish is what the contract says, and what they get wrong ends as the table says."""

from collections import Counter
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import orjson
import pytest

from deploy.local.users import INSURERS_FILE
from services.ingest.domain.beneficiaries import check_beneficiary, doubt_about
from services.ingest.domain.claims import check_line
from services.ingest.domain.insurers import parse_insurers
from services.ingest.handlers.persons import identify
from services.ingest.subscribers import subscriptions
from shared.clock import SystemClock
from shared.contracts.insurers import BeneficiaryRegisteredV1, ReimbursementSettledV1
from shared.errors import RefusedError
from shared.messaging.delivery import Delivery
from shared.messaging.reading import read
from simulator.mistakes import LINES, PEOPLE, unexplained
from simulator.population import people
from simulator.publications import ACCEPTED, End, Season
from simulator.stream import bad_registrations, registrations, settlements

TODAY = date(2026, 11, 21)
SEASON = Season("2026-11-21T09:00:00Z", TODAY)
CROWD = list(people(1, 120))
INSURERS = parse_insurers(INSURERS_FILE.read_bytes())
UNUSED: dict[str, Any] = {"vault": None, "identities": None}
FLOWS = {
    each.flow.queue: each
    for each in subscriptions(insurers=INSURERS, index_key=bytes(32), clock=SystemClock(), production=False, **UNUSED)
}
LINE_STREAM = list(settlements(CROWD, SEASON, seed=1, lines=10))
PEOPLE_STREAM = list(registrations(CROWD, SEASON))
BAD_PEOPLE = list(bad_registrations(CROWD, SEASON, seed=1))


def test_registrations_keep_the_contract():
    """Every registration validates against the contract that insurers sign."""
    for publication in PEOPLE_STREAM:
        event = BeneficiaryRegisteredV1.model_validate_json(publication.body)
        assert event.source == f"/insurers/{publication.insurer}"
        assert event.data.traits.birth_date <= TODAY


def test_settlements_keep_the_contract():
    """A settled line is serialised straight from its dataclass and still validates against the contract."""
    good = [each for each in LINE_STREAM if each.ends[0].state in ("done", "ignored")]
    assert len(good) == 1200
    for publication in good:
        event = ReimbursementSettledV1.model_validate_json(publication.body)
        assert event.id == f"{event.data.flux}/{event.data.line}"


def test_ids_are_used_once_except_by_mistake():
    """Only the mistakes that reuse an id on purpose share one with another event."""
    ids = Counter(
        orjson.loads(each.body)["id"] for each in LINE_STREAM if each.ends[0].reason is None and not each.alone
    )
    reused = sum(each.ends[0].state == "duplicate" for each in LINE_STREAM)
    assert sum(count - 1 for count in ids.values()) == reused


def test_every_kind_of_mistake_is_made():
    """However few people there are, every kind of mistake is made at least once."""
    few = list(people(3, 2))
    made = {end for each in settlements(few, SEASON, seed=3, lines=5) for end in each.ends}
    assert {end for mistake in LINES.values() for end in mistake.ends} <= made
    made = {end for each in bad_registrations(few, SEASON, seed=3) for end in each.ends}
    assert {end for mistake in PEOPLE.values() for end in mistake.ends} <= made


def test_reasons_are_listed():
    """Every reason that the simulator expects is a code that the contracts list."""
    assert unexplained() == set()


def test_the_same_seed_gives_the_same_season():
    """A season is reproducible to the byte."""
    assert list(settlements(CROWD, SEASON, seed=1, lines=10)) == LINE_STREAM


@pytest.mark.parametrize("name", LINES)
def test_a_bad_line_ends_as_the_table_says(name):
    """What ingest's own rules say of a spoiled line is what the simulator expects (F19, F45)."""
    mistake = LINES[name]
    good = next(each for each in LINE_STREAM if len(each.ends) == 2 and orjson.loads(each.body)["data"]["base"] > 0)
    end = mistake.ends[0]
    told_by_reading = end.state == "refused" or end.reason == "type-unknown"
    wanted = end.reason if told_by_reading and end.reason != "id-reuse" else None
    assert _refusal(mistake.of(good, 1)) == wanted


@pytest.mark.parametrize("name", PEOPLE)
def test_a_bad_registration_ends_as_the_table_says(name):
    """What ingest's own rules say of a spoiled registration is what the simulator expects (F19, F20)."""
    end = PEOPLE[name].ends[0]
    wanted = end.reason if end.reason != "traits-mismatch" else None
    assert _refusal(PEOPLE[name].of(PEOPLE_STREAM[0], 1)) == wanted


@pytest.mark.parametrize("stream", [PEOPLE_STREAM, LINE_STREAM], ids=["people", "lines"])
def test_what_is_right_is_accepted(stream):
    """What the insurers get right breaks no rule of ingest."""
    right = [each for each in stream if each.ends[0].state == "done"]
    assert Counter(_refusal(each) for each in right) == {None: len(right)}


def test_open_records_take_recent_lines():
    """Only people whose DMP existed before July 2021 are open from the first day (F03), and for 24 months of care."""
    ends = Counter(each.ends[-1] for each in LINE_STREAM if len(each.ends) == 2)
    queue = "records.reimbursement.received.v1"
    assert ends[End(queue, "done")] > 0
    assert ends[End(queue, "ignored", "account-not-open")] > ends[End(queue, "done")]
    assert SEASON.first_shown_month == "2024-11"
    assert {each.ends for each in PEOPLE_STREAM} == {ACCEPTED}


async def _nothing():
    pass


def _refusal(publication):
    """Return why ingest would not take an event, by its own reading, rules and identities; None if it would."""
    insurer = INSURERS.by_source[f"/insurers/{publication.insurer}"]
    flow = FLOWS[publication.ends[0].queue]
    delivery = Delivery(
        publication.body,
        publication.content_type,
        publication.key,
        None,
        insurer.user,
        redelivered=False,
        acknowledge=_nothing,
    )
    (item,) = read(flow, delivery, b"secret")
    if item.refusal is not None:
        return item.refusal.error.code
    data = item.event.data
    check = (
        partial(check_line, item.event.id, data, insurer, production=False)
        if isinstance(item.event, ReimbursementSettledV1)
        else partial(check_beneficiary, data, insurer)
    )
    try:
        check(latest=datetime(2026, 11, 21, tzinfo=UTC).date())
        identify(data.ins, production=False)
    except RefusedError as error:
        return error.code
    return doubt_about(data) if isinstance(item.event, BeneficiaryRegisteredV1) else None
