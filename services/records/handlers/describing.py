"""What a document is: its box is opened, and what is wrong with one box never hides its neighbours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

import orjson

from services.records.domain.chain import Status
from services.records.domain.decision import Item
from services.records.domain.documents import (
    FROM_THE_PERSON,
    Author,
    Coded,
    Description,
    Document,
    Hiding,
    is_author,
    is_masked,
)
from services.records.handlers.visits import Visit
from shared.identity.rpps import ID_NAT_OID
from shared.sealing import ERASED, Opened, Sealed, Vault, aad, open_many

DOCUMENT_SCHEMA: Final = "document.v1"
"""Of the text in a document's box: ``entry``, with IHE XDS's names, and ``depositor``."""

Trouble: TypeAlias = Literal["erased", "damaged"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A document that a reader may know of; without a description, its box did not open."""

    document: Document
    status: Status
    description: Description | None
    trouble: Trouble | None = None

    @property
    def masked(self) -> bool:
        """Whether professionals do not see it."""
        if self.description is None:
            return bool(self.document.masked) or self.document.inherits
        return is_masked(self.document, self.description)

    @property
    def hidden(self) -> bool:
        """Whether its person is to learn nothing of it (F35)."""
        return self.description is not None and not FROM_THE_PERSON.isdisjoint(self.description.hidings)


async def describe(documents: Sequence[Document], status: Mapping[str, Status], vault: Vault) -> list[Shown]:
    """Return documents with what they are, in their order."""
    places = [Sealed(each.box, aad(each.record, each.id, DOCUMENT_SCHEMA)) for each in documents]
    opened = await open_many(vault, places)
    return [_shown(each, status[each.id], text) for each, text in zip(documents, opened, strict=True)]


def item_of(visit: Visit, shown: Shown) -> Item:
    """Return what counts for who may see a document; one that does not open may be masked, so it is."""
    about = shown.description
    if about is None:
        return Item("", masked=True, authored=shown.document.depositor == visit.name)
    authored = is_author(shown.document, about, visit.caller.number, visit.name)
    return Item(about.type.code, about.hidings - {Hiding.FROM_PROFESSIONALS}, shown.masked, authored)


def trouble_of(opened: Opened) -> Trouble:
    """Return why a box gave no text: its key was destroyed, or it is not what was sealed."""
    return "erased" if opened is ERASED else "damaged"


def _shown(document: Document, status: Status, opened: Opened) -> Shown:
    if not isinstance(opened, bytes):
        return Shown(document, status, None, trouble_of(opened))
    try:
        return Shown(document, status, _description(orjson.loads(opened)["entry"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Shown(document, status, None, "damaged")


def _description(entry: Mapping[str, Any]) -> Description:
    level, *hidings = entry["confidentiality"]
    stop = entry["service_stop"]
    return Description(
        type=Coded(**entry["type_code"]),
        class_code=entry["class_code"],
        title=entry["title"],
        format_code=entry["format_code"],
        level=level,
        hidings=frozenset(map(Hiding, hidings)),
        authors=tuple(map(_author, entry["authors"])),
        service_start=datetime.fromisoformat(entry["service_start"]),
        service_stop=stop and datetime.fromisoformat(stop),
        mime_type=entry["mime_type"],
        media_type=entry["media_type"],
        language=entry["language"],
        sha256=entry["sha256"],
    )


def _author(party: Mapping[str, Any]) -> Author:
    names = [name for name in (party["given"], party["family"]) if name]
    identifier, organisation = party["identifier"] or {}, party["organization"] or {}
    return Author(
        name=" ".join(names) or party["device"],
        number=identifier.get("extension") if identifier.get("root") == ID_NAT_OID else None,
        organisation=organisation.get("name"),
    )
