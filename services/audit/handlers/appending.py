"""Every event becomes one entry, whatever it says; the traces among them are confirmed to whoever left them."""

import re
from collections.abc import Sequence
from typing import Final

import structlog

from services.audit.domain.entries import FIRST, Fresh, Head, Link, fresh, tell
from services.audit.domain.envelope import Envelope
from services.audit.domain.wording import TRACE
from services.audit.ports import KeyFinder, Log
from shared.clock import Clock
from shared.contracts.audit import AccessLoggedV1, AccessLoggedV1Data
from shared.messaging.unit import Unit
from shared.sealing import Key, KeyClass, Owner, aad, seal

WATCHER: Final = "/records"
"""Who keeps its traces until they are in the log, and shows nothing while one waits too long."""

_ID: Final = re.compile(r"[0-9a-f]{32}")
"""Of events that Carnet makes: whatever else is sent is logged too, and nobody waits for it."""

SCHEMA: Final = "audit-opening.v1"
"""What the text in a box of an opening is (`services.audit.domain.entries`)."""

log = structlog.get_logger()


async def append_entries(
    events: Sequence[Envelope], unit: Unit, *, log: Log, vault: KeyFinder, own_key: Key, clock: Clock
) -> None:
    """Append one entry per event, in the order of the batch, with its texts sealed beside it.

    Nothing is refused and nothing waits. An event about a record is sealed under that record's ``audit`` key, so
    that it goes when the record's traces go; any other, or one whose key is not there, under audit's own key.
    An event that already has an entry gets no second one, even if the inbox has forgotten it.
    """
    _confirm(events, unit, clock)
    head = await log.head()
    named = [(event.name, event) for event in events]
    known = await log.recorded([name for name, _ in named])
    new = [(name, event) for name, event in named if name not in known]
    if not new:
        return
    records = {event.subject for _, event in new if event.subject}
    keys = await vault.find_keys({_owner(record) for record in records})
    links = dict(await log.links(records))
    entries, time = [], _time(head, clock)
    for name, event in new:
        key = keys.get(_owner(event.subject), own_key)
        entries.append(_entry(name, event, links, key, time))
    await log.append(entries, unit, after=head)


def opening_aad(record: str | None, name: bytes) -> bytes:
    """Return what ties an opening's box to its entry: the record, and the event's name in the log."""
    return aad(record or "", name.hex(), SCHEMA)


def _confirm(events: Sequence[Envelope], unit: Unit, clock: Clock) -> None:
    """Tell records which of its traces are in the log with this commit; their envelopes say all that it takes."""
    traces = [each.id for each in events if each.type == TRACE and each.source == WATCHER and _ID.fullmatch(each.id)]
    if traces:
        logged = AccessLoggedV1Data(events=traces)
        unit.confirm(AccessLoggedV1.new(source="/audit", time=clock.now(), data=logged))


def _time(head: Head, clock: Clock) -> int:
    """Return when a batch is recorded: by the clock, but never before the entry that stands before it."""
    now = int(clock.now().timestamp() * 1000)
    if now < head.time:
        log.warning("log_clock_back", ms=head.time - now)
    return max(now, head.time)


def _owner(record: str | None) -> Owner:
    return record or "", KeyClass.AUDIT


def _entry(name: bytes, event: Envelope, links: dict[str, Link], key: Key, time: int) -> Fresh:
    """Return the entry of an event, the next of its record's chain, which goes on from it."""
    link = links.get(event.subject, FIRST) if event.subject else FIRST
    told = tell(event, link)
    box = seal(key, told.text, opening_aad(event.subject, name))
    entry = fresh(name, event, told, time=time, number=link.number + 1 if event.subject else None, box=box)
    if event.subject:
        links[event.subject] = Link(link.number + 1, entry.hash)
    return entry
