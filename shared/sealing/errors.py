"""What can be wrong with a sealed box or a key, each told apart because each asks for another reaction.

SealError
├── SealBrokenError         integrity: isolate this content, serve the others, raise the alarm
├── UnknownBoxError         written by a newer version, or no box at all: keep until understood
├── UnknownKeyError         the vault was restored from an old backup, or the box is forged
└── KeyEncryptionError      the key-encryption key is missing, unreadable or not the one that wrapped
"""

from shared.errors import CarnetError


class SealError(CarnetError):
    """Any failure of sealing or opening. A destroyed key is not one: see `shared.sealing.ERASED`."""

    code = "seal"


class SealBrokenError(SealError):
    """The box was altered, moved to another record, content or schema, or given another key."""

    code = "seal-broken"


class UnknownBoxError(SealError):
    """The bytes are not a box of a version this code knows."""

    code = "seal-unknown-version"


class UnknownKeyError(SealError):
    """The vault knows neither the key nor its destruction: not an erasure, and not to be shown as one."""

    code = "seal-unknown-key"

    def __init__(self, message: str, *, key_id: bytes) -> None:
        super().__init__(message)
        self.key_id = key_id


class KeyEncryptionError(SealError):
    """The key-encryption key could not be read, or did not open a wrapped key. Concerns every record."""

    code = "seal-kek"
