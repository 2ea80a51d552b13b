"""Whatever stands in a message's properties, the message arrives: a library would give up the connection instead.

The broker passes properties on as it got them. The decoder below aio-pika raises for a text that is not UTF-8, an
impossible date or an endless table, and the connection ends; the broker then delivers the same message again, and one
message of one sender stops a flow for all. A routing key is the sender's text as well.
"""

from typing import Any, Final

from pamqp import decode
from pamqp.commands import Basic
from pamqp.header import ContentHeader

_FLAGS: Final = 14
"""Where the properties begin: after class, weight, body size and one word of flags; there is no second word."""

_UNREADABLE: Final = (ValueError, ArithmeticError, RecursionError, OSError)

_AFTER_THE_TAG: Final = 9
"""What stands between a delivery's consumer tag and its exchange: a number and a flag."""

_strictly: Final = ContentHeader.unmarshal
_strictly_delivered: Final = Basic.Deliver.unmarshal


def tolerate_any_properties() -> None:
    """Have every connection of this process leave out each property that it cannot read, and keep the others."""
    ContentHeader.unmarshal = _tolerantly  # type: ignore[assignment, method-assign]
    Basic.Deliver.unmarshal = _tolerantly_delivered  # type: ignore[assignment, method-assign]


def _tolerantly(header: ContentHeader, data: bytes) -> None:
    try:
        _strictly(header, data)
    except _UNREADABLE:
        header.properties = _legible(data)


def _tolerantly_delivered(delivery: Basic.Deliver, data: bytes) -> None:
    try:
        _strictly_delivered(delivery, data)
    except UnicodeDecodeError:
        exchange = _size("shortstr", data) + _AFTER_THE_TAG
        key = exchange + _size("shortstr", data[exchange:]) + 1
        _strictly_delivered(delivery, data[:key] + bytes(octet if octet < 128 else ord("?") for octet in data[key:]))


def _legible(data: bytes) -> Basic.Properties:
    properties = Basic.Properties()
    flags, rest = int.from_bytes(data[_FLAGS - 2 : _FLAGS], "big"), data[_FLAGS:]
    for name in properties.attributes():
        if flags & properties.flags[name]:
            kind = properties.amqp_type(name)
            size = _size(kind, rest)
            setattr(properties, name, _value(kind, rest[:size]))
            rest = rest[size:]
    return properties


def _size(kind: str, data: bytes) -> int:
    if kind == "shortstr":
        return 1 + data[0] if data else 0
    if kind == "table":
        return 4 + int.from_bytes(data[:4], "big")
    return 8 if kind == "timestamp" else 1


def _value(kind: str, data: bytes) -> Any:
    try:
        return decode.by_type(data, kind)[1]
    except _UNREADABLE:
        return None
