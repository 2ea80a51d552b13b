"""Who signs notes: a log its checkpoints, a witness what it has seen grow (C2SP signed-note, tlog-cosignature)."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from verifier.notes import Key, Kind, Signature, cosigned_message

TIMESTAMP_BYTES = 8


class NoteSigner:
    """An Ed25519 key under a name, for one kind of signature; its secret is the 32 bytes of RFC 8032."""

    def __init__(self, name: str, kind: Kind, secret: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(secret)
        self.key = Key(name, kind, self._private.public_key().public_bytes_raw())

    def sign(self, text: str, time: int = 0) -> Signature:
        """Return the signature under a text; a witness's says when, in seconds since 1970."""
        if self.key.kind is Kind.LOG:
            return Signature(self.key.name, self.key.id, self._private.sign(text.encode()))
        signed = self._private.sign(cosigned_message(text, time))
        return Signature(self.key.name, self.key.id, time.to_bytes(TIMESTAMP_BYTES) + signed)
