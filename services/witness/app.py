"""Puts a witness together."""

from collections import defaultdict
from typing import Final

import structlog

from services.witness.adapters.sqlite_checkpoints import SqliteCheckpoints
from services.witness.api import application
from services.witness.settings import WitnessSettings
from shared.clock import SystemClock
from shared.http.server import serving
from shared.logging import configure_logging
from shared.notes import NoteSigner
from shared.roles import told_to_stop
from shared.sealing.kek import read_secret
from verifier.notes import Key, Kind, parse_key

NAME: Final = "witness"

log = structlog.get_logger()


async def api() -> None:
    """Sign what grows, until told to stop."""
    settings = WitnessSettings()
    configure_logging(NAME, "api", settings.log_level)
    app = application(
        logs=_by_origin(settings.logs),
        seen=SqliteCheckpoints(settings.store),
        signer=NoteSigner(settings.name, Kind.WITNESS, read_secret(settings.key_file)),
        clock=SystemClock(),
    )
    async with serving(app, settings.http_host, settings.http_port) as port:
        log.info("witness_started", port=port)
        await told_to_stop()


def _by_origin(vkeys: list[str]) -> dict[str, list[Key]]:
    logs = defaultdict(list)
    for key in map(parse_key, vkeys):
        logs[key.name].append(key)
    return dict(logs)
