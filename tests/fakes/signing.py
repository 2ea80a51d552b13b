"""Keys of a log, two witnesses and a stranger, and the policy that knows the first three."""

from shared.notes import NoteSigner
from verifier.checkpoints import Checkpoint
from verifier.notes import Kind, Note

ORIGIN = "audit.carnet.example/2026"
CHECKPOINT = Checkpoint(ORIGIN, 42, bytes(range(32)))


TIME = 1_700_000_000


def signer(name: str, kind: Kind, seed: int) -> NoteSigner:
    """Return a signer whose secret anybody can know."""
    return NoteSigner(name, kind, bytes([seed]) * 32)


def noted(*signing: NoteSigner, text: str = CHECKPOINT.text) -> bytes:
    """Return a text with the signatures of these, as bytes."""
    return str(Note(text, tuple(each.sign(text, TIME) for each in signing))).encode()


LOG = signer(ORIGIN, Kind.LOG, 1)
NORTH = signer("north.witness.example", Kind.WITNESS, 2)
SOUTH = signer("south.witness.example", Kind.WITNESS, 3)
STRANGER = signer(ORIGIN, Kind.LOG, 4)

POLICY = f"""# who is believed
log {LOG.key}

witness north {NORTH.key} https://north.example
witness\tsouth {SOUTH.key}
group both all north south
quorum both
"""
