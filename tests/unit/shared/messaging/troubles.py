"""Bugs and outages for a shop, and what becomes of an event."""

from pymongo.errors import AutoReconnect, PyMongoError

from shared.messaging.store import Row
from shared.messaging.unit import Unit
from tests.unit.shared.messaging.shop import FLOW, Shop, Thing


class BugError(Exception):
    """A handler's bug."""


def bug_in(*names: str):
    """Return a handler's decision that fails for these events."""

    def decide(event: Thing, _unit: Unit) -> None:
        if event.id in names:
            raise BugError

    return decide


def outage(*labels: str) -> PyMongoError:
    """Return an infrastructure error with labels of the driver."""
    error = AutoReconnect("gone")
    for label in labels:
        error._add_error_label(label)
    return error


def row_of(shop: Shop, name: str) -> Row:
    """Return the row of an event."""
    return shop.inbox.rows[f"{FLOW.queue}|/works|{name}"]
