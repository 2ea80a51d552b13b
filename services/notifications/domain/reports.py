"""What the printer and the mail servers report back: receipts, production reports, delivery failures (RFC 3464)."""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from io import StringIO
from typing import Final

from shared.errors import RefusedError

LARGEST_BYTES: Final = 262_144
LARGEST_ROWS: Final = 2_000

MOTIVES: Final = frozenset({"unknown-at-address", "access", "refused", "unclaimed"})
"""The four boxes of a returned letter: unknown at the address, no access or wrong address, refused, unclaimed."""

_NOTICE: Final = re.compile(r"[0-9a-f]{32}")
_LOT: Final = re.compile(r"[0-9]{8}-[0-9]{5,6}")
_MESSAGE_ID: Final = re.compile(r"<([0-9a-f]{32})@[A-Za-z0-9.-]{1,255}>")
_COLUMNS: Final = ("letter", "status", "date", "motive")


@dataclass(frozen=True, slots=True)
class Receipt:
    """The printer took a lot, or rejected it."""

    lot: str
    accepted: bool


@dataclass(frozen=True, slots=True)
class Produced:
    """What became of one letter: posted on a day, or come back on a day for a motive."""

    notice: str
    on: date
    motive: str | None


def read_receipt(raw: bytes) -> Receipt:
    """Return a receipt; raise `RefusedError` ``receipt-unreadable``."""
    try:
        told = json.loads(raw)
        lot, accepted = told["lot"], {"ACK": True, "REJ": False}[told["status"]]
        named = _LOT.fullmatch(lot) is not None
    except (ValueError, KeyError, TypeError, RecursionError):
        named = False
    if not named:
        raise RefusedError("receipt-unreadable")
    return Receipt(lot, accepted)


def read_production(raw: bytes) -> tuple[list[Produced], int]:
    """Return a production report's rows and how many of them say nothing that can be used.

    Raise `RefusedError` ``report-unreadable`` if it is no such report at all.
    """
    try:
        table = csv.DictReader(StringIO(raw.decode("utf-8")), strict=True)
        rows = list(table)
    except (UnicodeDecodeError, csv.Error):
        raise RefusedError("report-unreadable") from None
    if tuple(table.fieldnames or ()) != _COLUMNS or len(rows) > LARGEST_ROWS:
        raise RefusedError("report-unreadable")
    read = [_produced(row) for row in rows]
    usable = [row for row in read if row is not None]
    return usable, len(read) - len(usable)


def _produced(row: dict[str, str]) -> Produced | None:
    try:
        notice, status, on, motive = (row[name] for name in _COLUMNS)
        day = date.fromisoformat(on)
        known = status == "posted" if not motive else status == "undeliverable" and motive in MOTIVES
    except (ValueError, TypeError, KeyError):
        return None
    return Produced(notice, day, motive or None) if known and _NOTICE.fullmatch(notice) else None


def read_bounce(raw: bytes) -> str | None:
    """Return the notice whose e-mail failed for good; None for a delay or a success.

    Only a delivery status notification counts, and only by the Message-ID that we gave: 128 random bits that nobody
    but the recipient's servers knows. Raise `RefusedError` ``bounce-unreadable`` for anything else.
    """
    try:
        message = message_from_bytes(raw, policy=policy.default)
        parts = list(message.walk())
        failed = any(_says_failed(part) for part in parts)
        found = next(_notices(parts), None)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise RefusedError("bounce-unreadable") from None
    if message.get_content_type() != "multipart/report" or found is None:
        raise RefusedError("bounce-unreadable")
    return found if failed else None


def _says_failed(part: Message | EmailMessage) -> bool:
    """Each block of a delivery-status part is parsed as a message with headers only."""
    return str(part.get("Action", "")).strip().lower() == "failed"


def _notices(parts: Sequence[Message | EmailMessage]) -> Iterator[str]:
    for part in parts[1:]:
        text = str(part.get("Message-ID", ""))
        if part.get_content_type() == "text/rfc822-headers":
            text = str(part.get_payload())
        if match := _MESSAGE_ID.search(text):
            yield match.group(1)
