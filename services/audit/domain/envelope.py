"""What audit reads of an event: its envelope; the data inside stays as opaque as it came."""

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from typing import Any, Final

import orjson

from verifier.leaves import event_name

UNNAMED: Final = "unnamed"
"""Stands for a source or a type that an envelope does not state: even that is logged, never refused."""


MAX_BYTES: Final = 1024 * 1024


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
    """A JSON object with the event's source and id."""

    @property
    def name(self) -> bytes:
        """What a leaf calls the event: one entry per name, ever."""
        return event_name(self.source, self.id)


def read_envelope(document: Any, raw: bytes) -> Envelope:
    """Return the envelope of a parsed event, ``raw`` being its canonical JSON; nothing is ever refused.

    What names itself by no source and id is logged as the data of an event that does: its hash is then the id.
    """
    attributes = document if isinstance(document, dict) else {}
    source, name = _text(attributes, "source"), _text(attributes, "id")
    if source is None or name is None:
        source, name = source or UNNAMED, name or hashlib.sha256(raw).hexdigest()
        raw = b'{"data":%s,"id":%s,"source":%s}' % (raw, orjson.dumps(name), orjson.dumps(source))
    return Envelope(
        source=source,
        id=name,
        type=_text(attributes, "type") or UNNAMED,
        time=_text(attributes, "time") or "",
        subject=_text(attributes, "subject"),
        raw=raw,
    )


def unreadable(body: bytes) -> dict[str, Any]:
    """Return the event that a message becomes which is none: its bytes as they came, named by their hash.

    Of more than `MAX_BYTES`, which no queue of ours should let in, only the hash and the length are kept.
    """
    kept = {"data_base64": b64encode(body).decode()} if len(body) <= MAX_BYTES else {"data": {"bytes": len(body)}}
    return {"id": hashlib.sha256(body).hexdigest(), "source": UNNAMED, "type": UNNAMED, **kept}


def _text(attributes: dict[str, Any], name: str) -> str | None:
    value = attributes.get(name)
    return value if isinstance(value, str) and value else None
