"""Proofs of opposition by Typst, in a process of its own."""

import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from services.records.domain.proof import Holder, Proof
from shared.typesetting.french import french, french_moment
from shared.typesetting.pdf import typeset
from shared.typesetting.workshop import Workshop

TEMPLATE: Final = Path(__file__).parent / "proof.typ"

_BORN: Final = {"M": "né le", "F": "née le"}
_GROUP: Final = 4


@dataclass(frozen=True, slots=True)
class Sheet:
    """Plain data for one proof, so that it crosses to another process cheaply."""

    told: str
    made_at: int


class TypstProofs:
    """`ProofPress` in a workshop, which starts with the first proof; an async context manager."""

    def __init__(self, *, demonstration: bool) -> None:
        self._workshop = Workshop()
        self._demonstration = demonstration

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._workshop.__aexit__(kind, error, trace)

    async def render(self, proof: Proof) -> bytes:
        """See `ProofPress.render`: the same proof gives the same bytes."""
        return await self._workshop.make(print_sheet, sheet(proof, demonstration=self._demonstration))


def sheet(proof: Proof, *, demonstration: bool) -> Sheet:
    """Return what the typesetter gets."""
    told = {
        "attestation": grouped(proof.attestation),
        "holder": None if proof.holder is None else _named(proof.holder),
        "way": proof.way,
        "dated": french(proof.dated),
        "recorded_at": french_moment(proof.recorded_at),
        "effect": proof.effect,
        "meaning": proof.meaning,
        "then": proof.then,
        "demonstration": demonstration,
    }
    return Sheet(json.dumps(told), int(proof.recorded_at.timestamp()))


def print_sheet(work: Sheet) -> bytes:
    """Return the PDF of a proof; raise `typst.TypstError` if it is longer than a page."""
    return typeset(TEMPLATE.read_bytes(), {"proof": work.told}, work.made_at)


def grouped(attestation: str) -> str:
    """Return a number as people read it out: in capitals, in groups of four."""
    return " ".join(attestation[at : at + _GROUP] for at in range(0, len(attestation), _GROUP)).upper()


def _named(holder: Holder) -> str:
    return f"{holder.name}, {_BORN[holder.sex]} {french(holder.born_on)}"
