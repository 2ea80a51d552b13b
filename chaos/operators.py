"""What an operator does once all is quiet: replay what waited in vain for something that an outage held up."""

from typing import Final

from chaos.history import History
from chaos.scene import Scene
from cli.doors import MessagingDoors
from cli.tokens import OperatorAuth

WAITED: Final = {
    "ingest": ("ins-unknown",),
    "records": ("account-unknown", "notice-unknown"),
}
"""By service, the reasons for which an event waits until something else has come."""

_WHY: Final = "chaos: waited through an outage"
_MOST: Final = 100_000


async def replay_what_waited(scene: Scene, history: History) -> int:
    """Replay what was set aside for want of something that has come meanwhile, or never will; return how many.

    How long an event waits is a setting, and on a machine that is busy enough any outage outlasts it: held and
    replayed, it is neither lost nor doubled. What waits for nobody comes back to where it was.
    """
    doors = {service: scene.doors[service] for service in WAITED}
    replayed = 0
    async with MessagingDoors.open(doors, OperatorAuth(issuer=scene.doors["issuer"])) as messaging:
        for service, reasons in WAITED.items():
            for reason in reasons:
                for state in ("quarantined", "parked"):
                    rows = await messaging.rows(service, {"state": state, "reason": reason}, most=_MOST)
                    replayed += await messaging.replay(service, [row["key"] for row in rows], _WHY)
    history.record("operator", "replay", "info", events=replayed)
    return replayed
