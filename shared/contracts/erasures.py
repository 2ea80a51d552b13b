"""What audit publishes when texts of the log are destroyed: how many, by what right, and nothing of whom."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.event import Data, Event

Basis = Literal["retention", "order"]
"""``retention``: ten years after the record was closed (CSP L1111-18, EX_AIR-100); ``order``: a lawful order."""


class EntriesErasedV1Data(Data):
    """How many entries of the log lost their texts, and by what right."""

    entries: Annotated[int, Field(ge=1)]
    basis: Basis
    reference: str | None = None
    """Of the order."""
    operator: str | None = None
    second_operator: str | None = None
    """Who agreed."""


class EntriesErasedV1(Event):
    """What some entries said was destroyed; the entries stay, and so does every proof of them."""

    TYPE: ClassVar[str] = "entries.erased.v1"
    type: Literal["entries.erased.v1"] = "entries.erased.v1"
    data: EntriesErasedV1Data
