"""From a delivery to its events: parsed, admitted or refused, each with its inbox key and digest."""

import re
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import orjson

from shared.errors import RefusedError
from shared.messaging.cloudevents import BATCH, SINGLE, split
from shared.messaging.delivery import Delivery, Incoming, Refusal
from shared.messaging.store import Held
from shared.messaging.subscription import E, Subscription
from shared.strict_json import canonical

_PRESENTABLE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
"""The form of an id."""

_SPACING = re.compile(r"[^A-Za-z0-9]")
_NUMBER = re.compile(r"[12][0-9]{2}(0[1-9]|1[0-2])([0-9]{2}|2[AB])[0-9]{6}")
"""What has the form of a person's number: sex, year, a real month, department, place, order."""

_WIRE_TYPE = re.compile(r"[a-z]{1,30}(\.[a-z]{1,30}){1,3}\.v[0-9]{1,3}")
"""A routing key of this form may be kept in clear; any other is the sender's own text."""

_UNVERIFIED = "message"
"""Stands in a key where a source stands in others; a source begins with a slash."""

_UNREAD = ":all"
"""Stands in a key where the event's place stands in others."""


def read(subscription: Subscription[E], delivery: Delivery, secret: bytes) -> list[Incoming]:
    """Return every event of a message; one that cannot be read is an `Incoming` with a refusal.

    ``secret`` keys the digests, so that a copy of the inbox does not let anyone test what somebody's event said.
    """
    items = _read_all(subscription, delivery, secret)
    if subscription.salvage is not None and any(item.refusal is not None for item in items):
        return [_read_one(subscription, delivery, subscription.salvage(delivery.body), 0, secret)]
    return items


def unread(subscription: Subscription[E], delivery: Delivery, secret: bytes) -> Incoming:
    """Return a message as one thing that nobody looks into, for where reading it ends the process."""
    item = _unverified(subscription, delivery, None, 0, secret)
    return replace(item, key=f"{item.key.removesuffix(':0')}{_UNREAD}")


def is_unread(held: Held) -> bool:
    """Tell whether a row holds a whole message as it came."""
    return held.key.endswith(_UNREAD) and _is_unverified(held.key)


def unread_again(held: Held, raw: bytes) -> Delivery:
    """Return such a message as it was delivered, so that it passes every check that it would have passed then."""
    kind = BATCH if raw.lstrip()[:1] == b"[" else SINGLE
    return Delivery(raw, kind, held.wire_type, None, held.user, redelivered=True, acknowledge=_nothing)


def read_again(subscription: Subscription[E], held: Held, raw: bytes | RefusedError, secret: bytes) -> Incoming:
    """Return a waiting event as it was first read, or its refusal if its row does not open any more.

    Its contract or its rules may have changed since: that is what a replay is for. An event that could not be
    read until now gets its own key, under which it may have come again meanwhile.
    """
    body = raw if isinstance(raw, bytes) else b""
    delivery = Delivery(body, SINGLE, held.wire_type, None, held.user, redelivered=True, acknowledge=_nothing)
    if isinstance(raw, RefusedError):
        again = _refused(subscription, delivery, None, 0, raw, secret=secret)
    else:
        again = read(replace(subscription, strict=False), delivery, secret)[0]
    again = replace(again, raw=body, attempts=held.attempts, delivery=None)
    if again.event is not None and _is_unverified(held.key):
        return replace(again, former=held.key)
    return replace(again, key=held.key, digest=held.digest)


def _read_all(subscription: Subscription[E], delivery: Delivery, secret: bytes) -> list[Incoming]:
    try:
        documents = split(delivery.body, delivery.content_type, strict=subscription.strict)
    except RefusedError as error:
        return [_refused(subscription, delivery, None, 0, error, secret=secret)]
    return [_read_one(subscription, delivery, document, place, secret) for place, document in enumerate(documents)]


def _read_one(subscription: Subscription[E], delivery: Delivery, document: Any, place: int, secret: bytes) -> Incoming:
    try:
        raw, event = _admit(subscription, delivery, document)
    except RefusedError as error:
        return _refused(subscription, delivery, document, place, error, secret=secret)
    except Exception as error:  # noqa: BLE001 - a bug of the admission: the settler finds this event as the culprit
        return replace(_unverified(subscription, delivery, document, place, secret), error=error)
    said = document if isinstance(document, dict) else {"data": document}
    content = orjson.dumps([said.get("type"), said.get("subject"), said.get("data")], option=orjson.OPT_SORT_KEYS)
    return Incoming(
        key=f"{subscription.flow.queue}|{event.source}|{event.id}",
        digest=_digest(content, secret),
        raw=raw,
        wire_type=_wire_type(subscription, delivery),
        user=delivery.user,
        event=event,
        position=place,
        delivery=delivery,
    )


def _admit(subscription: Subscription[E], delivery: Delivery, document: Any) -> tuple[bytes, E]:
    """The admission speaks first: it knows the publisher and the fields. What it lets pass must still be JSON."""
    illegible = None
    try:
        raw = canonical(document)
    except RefusedError as error:
        raw, illegible = b"null", error
    event = subscription.admit(document, raw, delivery)
    if illegible is not None:
        raise illegible
    return raw, event


def is_presentable(text: str) -> bool:
    """Tell whether a sender's id may be repeated: it has the form of one, and cannot hold a person's number."""
    return bool(_PRESENTABLE_ID.fullmatch(text)) and not _NUMBER.search(_SPACING.sub("", text))


def _refused(
    subscription: Subscription[E], delivery: Delivery, document: Any, place: int, error: RefusedError, *, secret: bytes
) -> Incoming:
    presented = document.get("id") if isinstance(document, dict) else None
    readable = isinstance(presented, str) and is_presentable(presented)
    refusal = Refusal(
        error=RefusedError(error.code, error.field),  # the raised one holds the parsed document: 30 times its text
        position=place,
        refused_id=presented if readable else None,
        message_id=delivery.message_id,
        user=delivery.user,
        wire_type=_wire_type(subscription, delivery),
    )
    return replace(_unverified(subscription, delivery, document, place, secret), refusal=refusal)


def _unverified(
    subscription: Subscription[E], delivery: Delivery, document: Any, place: int, secret: bytes
) -> Incoming:
    """An id that was not verified must not occupy the key of an honest event: the message's hash is the key.

    Whoever sends the same bytes, under another name or by another way, is refused for itself.
    """
    way = "\n".join((delivery.user or "", delivery.content_type or "", delivery.routing_key)).encode()
    digest = _digest(_digest(way, secret) + delivery.body, secret)
    return Incoming(
        key=f"{subscription.flow.queue}|{_UNVERIFIED}|{digest.hex()}:{place}",
        digest=digest,
        raw=delivery.body if document is None else _best_effort(document),
        wire_type=_wire_type(subscription, delivery),
        user=delivery.user,
        event=None,
        position=place,
        delivery=delivery,
    )


def _wire_type(subscription: Subscription[E], delivery: Delivery) -> str:
    return delivery.routing_key if _WIRE_TYPE.fullmatch(delivery.routing_key) else subscription.flow.key


def _is_unverified(key: str) -> bool:
    return key.split("|", 2)[1] == _UNVERIFIED


def _digest(content: bytes, secret: bytes) -> bytes:
    return blake2b(content, key=secret, digest_size=16).digest()


def _best_effort(document: Any) -> bytes:
    try:
        return canonical(document)
    except RefusedError:
        return b"null"


async def _nothing() -> None:
    return None
