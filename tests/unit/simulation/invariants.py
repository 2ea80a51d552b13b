"""What must be true of every world in the end, whatever happened in it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from shared.messaging.cloudevents import split
from shared.messaging.rows import KEPT as HELD
from shared.messaging.starts import KILLER, LIMIT
from shared.messaging.store import Row
from shared.messaging.unit import State
from tests.unit.simulation.process import Service
from tests.unit.simulation.services import HAPPENED, KEPT, Place, ThingHappenedV1
from tests.unit.simulation.world import FATAL, World

_BUGGY: Final = ("bad", "killer")

_RETURNING: Final = ("kill", "stop", "cut", "freeze-long", "broker-away", FATAL)
"""What hands messages back: twice in a row, and the innocent look like killers."""


def violations(world: World) -> list[str]:
    """Return what is wrong, each in a few words; nothing else is looked at in a world that does not come to rest."""
    if world.failures():
        return [f"a loop ended: {error!r}" for error in world.failures()]
    if not world.at_rest:
        return ["stuck: something is still queued, waiting or unsent"]
    found = [*_effects(world), *_order(world), *_held(world), *_innocent(world)]
    found += [
        *_law(world),
        *_copies(world),
        *_rows(world),
        *(f"adopted from the living: {owner}" for owner in world.taken),
    ]
    return [*found, *(_calm(world) if world.plan.is_calm else ())]


def _effects(world: World) -> Iterator[str]:
    """Each event took effect once, and was told once; what should take no effect took none."""
    expected, kept, told = _to_be_kept(world), world.shelf.kept, world.tally.told
    if missing := expected - kept.keys():
        yield f"lost: {sorted(missing)}"
    if unexpected := kept.keys() - expected:
        yield f"unexpected: {sorted(unexpected)}"
    for name, where in (("shop", kept), ("till", told)):
        if doubled := sorted(event for event, versions in where.items() if len(versions) > 1):
            yield f"doubled in the {name}: {doubled}"
    if told != kept:
        yield f"told is not what was kept: {sorted(told.items() ^ kept.items())}"


def _order(world: World) -> Iterator[str]:
    """The latest version of each thing stands, and each of its versions is counted, in whatever order they came."""
    things = {event.id: event.data.thing for _, message in world.plan.messages for event in message}
    latest: dict[str, Place] = {}
    for name, versions in world.shelf.kept.items():
        before = latest.get(things[name], Place())
        latest[things[name]] = Place(max(before.version, *versions), before.times + len(versions))
    if world.shelf.latest != latest:
        yield f"order: {world.shelf.latest} instead of {latest}"


def _held(world: World) -> Iterator[str]:
    """After the bug was mended and everything replayed, only what lacks something for ever is held."""
    for row in _rows_of(world.shop):
        if row.state in HELD and (not world.replayed or row.reason != "need-unknown"):
            yield f"held: {row.key} ({row.state}, {row.reason})"


def _innocent(world: World) -> Iterator[str]:
    """An attempt is counted only against an event that fails by itself: no fault of a server, no race, no neighbour."""
    bad = {name for name, event in _events(world).items() if event.data.kind in _BUGGY}
    for service in (world.shop, world.till):
        failed = {row.key for commit in service.inbox.commits for row in commit.rows if row.reason == "failed"}
        if innocent := sorted(key for key in failed if key.rpartition("|")[2] not in bad):
            yield f"attempts counted against the innocent: {innocent}"
        ended = sum(world.seen[name] for name in _RETURNING)
        parked = {row.key for commit in service.inbox.commits for row in commit.rows if row.reason == KILLER}
        if ended < LIMIT and (innocent := sorted(key for key in parked if key.rpartition("|")[2] not in bad)):
            yield f"parked as killers without a killing: {innocent}"


def _law(world: World) -> Iterator[str]:
    """Published = applied + ignored + refused + held, each event once (rule 14)."""
    shop, till = _books(world.shop, HAPPENED.queue), _books(world.till, KEPT.queue)
    held = sum(row.state in HELD for row in _rows_of(world.shop))
    if missing := len(world.published) - _sum_of(shop, "done", "ignored", "refused") - held:
        yield f"books of {HAPPENED.queue}: {missing} missing, {dict(shop)}"
    emitted = world.shop.inbox.books.get(HAPPENED.queue, Counter())[f"emitted.events.{KEPT.key}"]
    if emitted != _sum_of(till, "done", "ignored", "refused"):
        yield f"books of {KEPT.queue}: {emitted} emitted, {dict(till)}"


def _copies(world: World) -> Iterator[str]:
    """Copies are counted each once; but of what went back to the broker nobody can tell whether it had been counted."""
    shop = _books(world.shop, HAPPENED.queue)
    doubtful = [each for each in world.broker.returned if each.key == HAPPENED.key]
    wrong = world.published.total() - len(world.published) - shop["duplicate"]
    if abs(wrong) > sum(len(split(each.body, each.content_type, strict=False)) for each in doubtful):
        yield f"copies in {HAPPENED.queue}: {wrong} missing, {dict(shop)}"


def _rows(world: World) -> Iterator[str]:
    """Every end in the books has its row."""
    for service, flow in ((world.shop, HAPPENED), (world.till, KEPT)):
        counted = _books(service, flow.queue)
        # A message that was set aside unread has a row of its own beside those of its events.
        states = Counter(row.state for row in _rows_of(service) if not row.key.endswith(":all"))
        for state in (State.DONE, State.IGNORED, State.REFUSED):
            if states[state] != _sum_of(counted, state.value):
                yield f"rows of {flow.queue}: {states[state]} {state}, {dict(counted)}"


def _calm(world: World) -> Iterator[str]:
    """Where nothing goes wrong nothing is handed over twice, and nothing is published twice."""
    for service, flow in ((world.shop, HAPPENED), (world.till, KEPT)):
        counted = _books(service, flow.queue)
        if counted["redelivered"] or counted["resent"]:
            yield f"needless copies in {flow.queue}: {dict(counted)}"


def _to_be_kept(world: World) -> set[str]:
    """Every event that is not refused or ignored by the rules, and whose need is kept as well."""
    kept: set[str] = set()
    for name, event in _events(world).items():  # a need is an earlier event
        if event.data.kind in ("good", *_BUGGY) and (event.data.needs is None or event.data.needs in kept):
            kept.add(name)
    return kept


def _events(world: World) -> Mapping[str, ThingHappenedV1]:
    every = {event.id: event for _, message in world.plan.messages for event in message}
    return dict(sorted(every.items(), key=lambda each: int(each[0][1:])))


def _rows_of(service: Service) -> list[Row]:
    return list(service.inbox.rows.values())


def _books(service: Service, queue: str) -> Counter[str]:
    return service.inbox.books.get(queue, Counter())


def _sum_of(books: Counter[str], *ends: str) -> int:
    return sum(count for name, count in books.items() if name.partition(".")[0] in ends)
