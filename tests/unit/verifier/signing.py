"""Keys of a log, two witnesses and a stranger, and the policy that knows the first three."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from verifier.checkpoints import Checkpoint
from verifier.notes import Key, Kind, Signature, cosigned_message

ORIGIN = "audit.carnet.example/2026"
CHECKPOINT = Checkpoint(ORIGIN, 42, bytes(range(32)))


class Writer:
    """A private key with a name, for one kind of signature."""

    def __init__(self, name: str, kind: Kind, seed: int) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.key = Key(name, kind, self._private.public_key().public_bytes_raw())

    def sign(self, text: str, time: int = 1_700_000_000) -> Signature:
        """Return the signature under a text."""
        if self.key.kind is Kind.LOG:
            return Signature(self.key.name, self.key.id, self._private.sign(text.encode()))
        signed = self._private.sign(cosigned_message(text, time))
        return Signature(self.key.name, self.key.id, time.to_bytes(8) + signed)


LOG = Writer(ORIGIN, Kind.LOG, 1)
NORTH = Writer("north.witness.example", Kind.WITNESS, 2)
SOUTH = Writer("south.witness.example", Kind.WITNESS, 3)
STRANGER = Writer(ORIGIN, Kind.LOG, 4)

POLICY = f"""# who is believed
log {LOG.key}

witness north {NORTH.key} https://north.example
witness\tsouth {SOUTH.key}
group both all north south
quorum both
"""
