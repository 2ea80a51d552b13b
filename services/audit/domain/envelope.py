"""What audit reads of an event: its envelope; the data inside stays as opaque as it came."""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import RefusedError

UNNAMED: Final = "unnamed"
"""Stands for a source or a type that an envelope does not state: even that is logged, never refused."""


@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """One event as the log takes it: who said what kind of thing about whom, and the whole text."""

    source: str
    id: str
    type: str
    time: str
    """As said by the publisher, unread: the log's order is its index, never this."""
    subject: str | None
    raw: bytes
    """The event as canonical JSON."""

    @property
    def key(self) -> str:
        """The event's name in the log: one entry per key, ever."""
        return f"{self.source}|{self.id}"


def read_envelope(document: Any, raw: bytes) -> Envelope:
    """Return the envelope of a parsed event; an attribute that is absent or no text is made up, never refused.

    Whatever is published without an id is still logged: the hash of the text is its id. Raise `RefusedError` only
    for JSON that is no object, which no publisher of ours can send.
    """
    if not isinstance(document, dict):
        raise RefusedError("envelope-malformed")
    return Envelope(
        source=_text(document, "source") or UNNAMED,
        id=_text(document, "id") or hashlib.sha256(raw).hexdigest(),
        type=_text(document, "type") or UNNAMED,
        time=_text(document, "time") or "",
        subject=_text(document, "subject"),
        raw=raw,
    )


def _text(attributes: dict[str, Any], name: str) -> str | None:
    value = attributes.get(name)
    return value if isinstance(value, str) and value else None
