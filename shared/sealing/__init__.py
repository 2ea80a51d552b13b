"""Sealing: personal data leaves a process only inside a box, under a key that can be destroyed.

The adapters are imported by their own names (`shared.sealing.mongo_vault`, `shared.sealing.kek`), so that
rules and handlers that import this package never load a database driver.
"""

from shared.sealing.box import aad, box_key_id, open_box, open_found, seal
from shared.sealing.errors import (
    KeyEncryptionError,
    SealBrokenError,
    SealError,
    UnknownBoxError,
    UnknownKeyError,
)
from shared.sealing.keys import ERASED, Erased, Key, KeyClass, KeyMaker, KeyReader, Owner, Vault
from shared.sealing.opening import Opened, Sealed, open_many

__all__ = [
    "ERASED",
    "Erased",
    "Key",
    "KeyClass",
    "KeyEncryptionError",
    "KeyMaker",
    "KeyReader",
    "Opened",
    "Owner",
    "SealBrokenError",
    "SealError",
    "Sealed",
    "UnknownBoxError",
    "UnknownKeyError",
    "Vault",
    "aad",
    "box_key_id",
    "open_box",
    "open_found",
    "open_many",
    "seal",
]
