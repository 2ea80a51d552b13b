"""What a unit emitted, put into outbox rows: one per routing key, sliced to the limits of a message."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

from shared.messaging import instants
from shared.messaging.cloudevents import join, slices
from shared.messaging.store import OutboxRow
from shared.messaging.unit import Emitted


def outbox_rows(emitted: Iterable[Emitted], owner: str) -> list[OutboxRow]:
    """Return the messages that carry these events, in the order in which their keys first appeared."""
    groups: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    for each in emitted:
        groups[each.exchange, each.key].append(each.event.to_json())
    now = instants.now()
    return [row for route, bodies in groups.items() for row in _rows(route, bodies, owner, now)]


def _rows(route: tuple[str, str], bodies: list[bytes], owner: str, now: datetime) -> Iterator[OutboxRow]:
    for part in slices(bodies):
        body, content_type = join(part)
        yield OutboxRow(uuid.uuid4().hex, owner, *route, body, content_type, len(part), now)
