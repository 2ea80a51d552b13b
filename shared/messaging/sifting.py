"""What of a batch is still to be done: neither seen before nor taken by somebody else (rules 1 and 2)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.messaging.delivery import Incoming
from shared.messaging.rows import as_reuse
from shared.messaging.store import Inbox, Seen
from shared.messaging.unit import State


@dataclass(slots=True)
class Sifted:
    """A batch as the inbox sees it."""

    fresh: list[Incoming] = field(default_factory=list)
    """To be handled now; a known key with another digest is among them, as a refusal."""
    moved: list[Incoming] = field(default_factory=list)
    """Those whose former row ends, whatever becomes of the event under its own key."""
    tally: Counter[str] = field(default_factory=Counter)
    """How many were known already."""
    copy: str = "duplicate"
    """What a known event is that the broker did not hand over before: an indication, in no sum (decision 0011)."""


async def sift(part: Sequence[Incoming], inbox: Inbox, *, ours: bool = False) -> Sifted:
    """Ask the inbox, and sort.

    ``ours``: the events are Carnet's own, each published once; a copy is one that an outbox sent again.
    """
    sifted = Sifted(copy="resent" if ours else "duplicate")
    known = await _ask(part, inbox)
    reused: list[Incoming] = []
    for item in part:
        if item.attempts is not None and not _is_as_read(item, known):
            continue  # somebody replayed, discarded or took it meanwhile
        if item.former is not None:
            sifted.moved.append(item)
        elif item.attempts is not None:
            sifted.fresh.append(item)
            continue
        reused += _place(item, known, sifted)
    known = await _ask(reused, inbox)
    for item in reused:
        _place(item, known, sifted)
    return sifted


def _place(item: Incoming, known: dict[str, Seen], sifted: Sifted) -> list[Incoming]:
    """Put an event where it belongs; return it as a refusal if its id was used before for another content."""
    seen = known.get(item.key)
    if seen is None:
        known[item.key] = Seen(item.digest, State.DONE, 0)
        sifted.fresh.append(item)
    elif seen.digest == item.digest:
        sifted.tally["redelivered" if item.redelivered else sifted.copy] += 1
    else:
        return [as_reuse(item)]
    return []


def _is_as_read(item: Incoming, known: Mapping[str, Seen]) -> bool:
    seen = known.get(item.former or item.key)
    return seen is not None and seen.state is State.WAITING and seen.attempts == item.attempts


async def _ask(items: Sequence[Incoming], inbox: Inbox) -> dict[str, Seen]:
    keys = [item.key for item in items] + [item.former for item in items if item.former is not None]
    return dict(await inbox.seen(keys)) if keys else {}
