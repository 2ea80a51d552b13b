"""Opening many boxes at once: one visit to the vault, and a bad box never hides its neighbours."""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from shared.sealing.box import box_key_id, open_found
from shared.sealing.errors import SealError, UnknownBoxError
from shared.sealing.keys import Erased, KeyReader


class Sealed(NamedTuple):
    """A box with the associated data of the place where it was found."""

    box: bytes
    aad: bytes


Opened: TypeAlias = bytes | Erased | SealError
"""The text; ``ERASED`` if its key was destroyed; or, as a value, what is wrong with this one box."""


async def open_many(vault: KeyReader, sealed: Sequence[Sealed]) -> list[Opened]:
    """Open each box in its order; a failure of one is returned in its place, not raised."""
    ids = {key_id for item in sealed if (key_id := _key_id_or_none(item.box)) is not None}
    keys = await vault.keys_by_id(ids)
    opened: list[Opened] = []
    for box, aad in sealed:
        try:
            opened.append(open_found(keys, box, aad))
        except SealError as error:
            opened.append(error)
    return opened


def _key_id_or_none(box: bytes) -> bytes | None:
    try:
        return box_key_id(box)
    except UnknownBoxError:
        return None
