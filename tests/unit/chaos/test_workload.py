"""What insurers publish in a chaos run: the same for a seed, in disorder, each event with its ends."""

from collections import Counter
from datetime import UTC, datetime
from itertools import islice

import orjson
import pytest

from chaos.workload.crowd import PATIENTS, cohorts, patients
from chaos.workload.ledger import LINES_EACH, VERSIONS, Message, messages
from shared.contracts.insurers import BeneficiaryRegisteredV1
from shared.messaging.cloudevents import BATCH, MAX_BYTES, MAX_EVENTS
from simulator.population import Person
from simulator.publications import is_open, season_at

SEED = 7
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
COHORT = next(cohorts(SEED))[:6]


def published(seed: int = SEED) -> list[Message]:
    """Return the messages about a few people."""
    return list(messages(COHORT, season_at(NOW), seed))


def test_the_same_seed_publishes_the_same() -> None:
    """A run can be had again: the same bytes in the same order."""
    assert [each.body for each in published()] == [each.body for each in published()]
    assert published()[0].body != published(8)[0].body


def test_every_event_is_due_once_and_may_be_repeated() -> None:
    """The ledger knows each event with its ends in one message; a repetition names no ends again."""
    groups = [group for message in published() for group in message.groups if "ids" in group]
    due = Counter(name for group in groups if group["ends"] for name in group["ids"])
    again = {name for group in groups if not group["ends"] for name in group["ids"]}
    assert set(due.values()) == {1}
    assert again <= due.keys()
    assert len(due) == len(COHORT) * (LINES_EACH + VERSIONS)


def test_messages_keep_their_limits_and_are_told_whole() -> None:
    """No message is longer than a message may be, and the history names or counts every event of it."""
    for message in published():
        assert len(message.body) <= MAX_BYTES
        told = sum(len(group["ids"]) if "ids" in group else group["bad"] for group in message.groups)
        held = len(orjson.loads(message.body)) if message.content_type == BATCH else 1
        assert told == held <= MAX_EVENTS


def test_mistakes_stand_among_what_is_right() -> None:
    """Some of the events are wrong, of several kinds."""
    bad = [tuple(group["end"]) for message in published() for group in message.groups if "bad" in group]
    assert len(set(bad)) > 2


@pytest.mark.parametrize("people", [[each.person for each in patients(SEED)], *islice(cohorts(SEED), 1)])
def test_people_are_different_and_most_records_are_open(people: list[Person]) -> None:
    """Whoever is in a run is in it once; a grown-up's record is open, so that lines have an effect to lose."""
    assert len({person.ins for person in people}) == len(people) >= PATIENTS
    assert sum(map(is_open, people)) > len(people) / 2


def test_whoever_stops_still_registers_those_whose_lines_were_published() -> None:
    """Every registration of a cohort is in a message that is owed, however early its lines came; the rest is not."""
    made = published()
    registering = [each for each in made if each.key == BeneficiaryRegisteredV1.TYPE and any(_ends(each))]
    assert registering
    last = made.index(registering[-1])
    assert all(each.owed for each in made[:last]), "whoever stops at one that is not owed leaves the others behind it"
    assert not made[-1].owed


def _ends(message: Message) -> list[bool]:
    return [bool(group.get("ends")) for group in message.groups]
