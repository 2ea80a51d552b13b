"""What entries say, as far as it can still be read, each text proved to be the one that its entry commits to."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from services.audit.domain.entries import Kept, MalformedOpeningError, texts_of
from services.audit.domain.shown import Unreadable
from services.audit.handlers.appending import opening_aad
from shared.sealing import ERASED, KeyReader, Opened, Sealed, open_many
from verifier import leaves
from verifier.faults import TamperedError

Texts: TypeAlias = Mapping[leaves.Group, leaves.Opened]


async def open_texts(kept: Sequence[Kept], vault: KeyReader, *, proved: bool = True) -> list[Texts | Unreadable]:
    """Return the texts of each entry, in their order; one that cannot be read hides none of the others.

    ``proved``: a text that its entry does not commit to is damage; without, whoever gets the texts is to judge them.
    """
    boxes = [Sealed(each.opening.box, opening_aad(each.opening.record, each.entry.leaf.event)) for each in kept]
    opened = await open_many(vault, boxes)
    return [_texts(each.entry.leaf, text, proved=proved) for each, text in zip(kept, opened, strict=True)]


def _texts(leaf: leaves.Leaf, opened: Opened, *, proved: bool) -> Texts | Unreadable:
    """Another text than the one committed to is damage, however well it is sealed."""
    if opened is ERASED:
        return Unreadable.ERASED
    if not isinstance(opened, bytes):
        return Unreadable.DAMAGED
    try:
        texts = texts_of(opened)
        if proved:
            leaves.check_opened(leaf, texts)
    except (MalformedOpeningError, TamperedError):
        return Unreadable.DAMAGED
    return texts
