"""Logs: one JSON line per fact, from an allow-list of keys, so that no person's data can slip in."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

ALLOWED: Final = frozenset(
    {
        "event", "level", "timestamp", "service", "role", "process", "queue", "exchange", "key", "type", "kind",
        "error", "place", "fingerprint", "reason", "state", "rows", "left", "count", "epoch", "size", "seconds",
        "ms", "owner", "method", "route", "status", "port", "host", "signal", "logger", "code", "attempts",
    }
)  # fmt: skip
"""Ids, outcomes, numbers and names of our own things. An unknown key is dropped and only its absence shows."""

_LONGEST: Final = 200


def configure_logging(service: str, role: str, level: str = "INFO") -> None:
    """Send every log of this process, libraries' included, through the allow-list to standard output."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            allow_listed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service, role=role)
    logging.basicConfig(handlers=[_Bridge()], level=logging.WARNING, force=True)


def allow_listed(_logger: Any, _name: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep what is on the list, as plain short values."""
    return {name: _plain(value) for name, value in entry.items() if name in ALLOWED}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return "".join(c if c.isprintable() else "?" for c in str(value))[:_LONGEST]


class _Bridge(logging.Handler):
    """Brings a library's log record over: who spoke and which error, never its text, which may quote data."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        structlog.get_logger().log(
            record.levelno, "library_message", logger=record.name, place=f"{record.module}:{record.lineno}", error=error
        )
