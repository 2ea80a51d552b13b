"""Every event becomes one entry, whatever it says; the traces among them are confirmed to whoever left them."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from os import urandom
from typing import Final

from services.audit.domain.chain import SALT_BYTES, Leaf, Opening, commit_to
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

SCHEMA: Final = "audit-envelope.v1"
"""What the text in a box of an opening is: an event's canonical JSON."""


async def append_entries(
    events: Sequence[Envelope], unit: Unit, *, log: Log, vault: KeyFinder, own_key: Key, clock: Clock
) -> None:
    """Append one entry per event, in the order of the batch, with its envelope sealed beside it.

    Nothing is refused and nothing waits. An event about a record is sealed under that record's ``audit`` key, so
    that it goes when the record's traces go; any other, or one whose key is not there, under audit's own key.
    An event that already has an entry gets no second one, even if the inbox has forgotten it.
    """
    _confirm(events, unit, clock)
    head, keys = await asyncio.gather(log.head(), vault.find_keys({_owner(event) for event in events if event.subject}))
    known = await log.recorded([event.key for event in events])
    fresh = [event for event in events if event.key not in known]
    if not fresh:
        return
    now = int(clock.now().timestamp() * 1000)
    openings = [_opening(event, keys, own_key) for event in fresh]
    leaves = [_leaf(event, opening.salt, now) for event, opening in zip(fresh, openings, strict=True)]
    log.append(leaves, openings, unit, after=head)


def opening_aad(subject: str | None, key: str) -> bytes:
    """Return what ties an opening's box to its entry: the subject as the entry says it, and the event key."""
    return aad(subject or "", key, SCHEMA)


def _confirm(events: Sequence[Envelope], unit: Unit, clock: Clock) -> None:
    """Tell records which of its traces are in the log with this commit; their envelopes say all that it takes."""
    traces = [each.id for each in events if each.type == TRACE and each.source == WATCHER and _ID.fullmatch(each.id)]
    if traces:
        logged = AccessLoggedV1Data(events=traces)
        unit.confirm(AccessLoggedV1.new(source="/audit", time=clock.now(), data=logged))


def _owner(event: Envelope) -> Owner:
    return event.subject or "", KeyClass.AUDIT


def _opening(event: Envelope, keys: Mapping[Owner, Key], own_key: Key) -> Opening:
    key = keys.get(_owner(event), own_key)
    return Opening(urandom(SALT_BYTES), seal(key, event.raw, opening_aad(event.subject, event.key)))


def _leaf(event: Envelope, salt: bytes, now: int) -> Leaf:
    return Leaf(event.key, event.type, event.time, now, event.subject, commit_to(salt, event.raw))
