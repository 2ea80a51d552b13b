"""What an operator does once all is quiet: replay what waited in vain for something that an outage held up."""

from collections.abc import Mapping
from typing import Any, Final

from chaos.checker.ledger import Published
from chaos.history import History
from chaos.scene import Scene
from cli.doors import MessagingDoors
from cli.tokens import OperatorAuth

WAITED: Final[Mapping[str, tuple[str, ...]]] = {
    "ingest": ("ins-unknown",),
    "records": ("account-unknown", "notice-unknown"),
}
"""By service, the reasons for which an event waits until something else has come."""

_STATES: Final = ("quarantined", "parked")
_WHY: Final = "chaos: waited through an outage"
_MOST: Final = 100_000


async def replay_what_waited(scene: Scene, history: History, told: Published) -> int:
    """Replay what was set aside for want of something that has come meanwhile; return how many.

    How long an event waits is a setting, and on a machine that is busy enough any outage outlasts it: held and
    replayed, it is neither lost nor doubled. Mistakes, which wait for nobody, are left where they are.
    """
    doors = {service: scene.doors[service] for service in WAITED}
    replayed = 0
    async with MessagingDoors.open(doors, OperatorAuth(issuer=scene.doors["issuer"])) as messaging:
        for service, reasons in WAITED.items():
            queries = [{"state": state, "reason": reason} for state in _STATES for reason in reasons]
            rows = [row for query in queries for row in await messaging.rows(service, query, most=_MOST)]
            keys = [row["key"] for row in rows if service != "ingest" or _has_come(row, told)]
            replayed += await messaging.replay(service, keys, _WHY)
    history.record("operator", "replay", "info", events=replayed)
    return replayed


def _has_come(row: Mapping[str, Any], told: Published) -> bool:
    """Tell whether a line's person was registered: mistakes have no name in the history."""
    return row["key"].partition("|")[2] in told.due
