"""A receipt of an entry: what it says, and the proof that a signed and witnessed log holds it (F58).

Whoever has one needs neither the log nor anybody's word to check it (`verifier.receipts`).
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from services.audit.domain.deeds import DEEDS
from services.audit.domain.entries import Entry, Kept
from services.audit.domain.shown import Access, Reader, Unreadable
from services.audit.handlers.accesses import Desk, trace
from services.audit.handlers.lines import open_lines
from services.audit.handlers.opening import open_texts
from services.audit.handlers.proving import receipt
from shared.contracts.accesses import AccessV1, ActorV1
from shared.identity import Ins, Professional, blind_index, name_of
from shared.messaging.traces import actor_of
from verifier.leaves import parse_leaf


class Refused(StrEnum):
    """Why there is no receipt."""

    UNAVAILABLE = "access-unavailable"
    """No such entry, none that this reader may see, or one that does not say anything any more."""
    PENDING = "proof-pending"
    """No published checkpoint covers the entry yet: within the merge delay one will."""


async def prove_lines(lines: Iterable[Access], desk: Desk) -> Mapping[int, str]:
    """Return the proof of each line's entry by its index (C2SP tlog-proof); the newest may have none yet."""
    return {index: str(proof) for index, proof in (await desk.prover.proofs([line.index for line in lines])).items()}


async def receipt_for_person(
    ins: Ins, index: int, desk: Desk, *, software: str | None = None
) -> Mapping[str, Any] | Refused:
    """Return the receipt of an entry about the own record, of those that its person is shown."""
    blind = blind_index(desk.index_key, ins)
    record = (await desk.vaults.find_subjects({blind})).get(blind)
    kept = await _kept(index, desk)
    line = await _line(kept, Reader.PERSON, desk) if kept and record and kept.opening.record == record else None
    access = AccessV1(actor=ActorV1(kind="patient"), software=software)
    await trace(access, record, "access-proved", "holder" if line else "access-unavailable", desk)
    return await _receipt(kept, line, desk)


async def receipt_for_professional(
    who: Professional, index: int, desk: Desk, *, software: str | None = None
) -> Mapping[str, Any] | Refused:
    """Return the receipt of the own deed, or of any with a record that this professional oversees (F59)."""
    kept = await _kept(index, desk)
    line = await _line(kept, Reader.PROFESSIONAL, desk) if kept else None
    oversight = None
    if line is not None and line.record is not None:
        overseer = await desk.overseers.of(line.record, name_of(desk.index_key, who.national_id))
        oversight = overseer and overseer.standing(desk.clock.now())
    if line is not None and oversight is None and (line.who is None or line.who.number != who.national_id):
        line = None
    rule = "access-unavailable" if line is None else oversight or "own-traces"
    record = line.record if line is not None and oversight else None
    await trace(AccessV1(actor=actor_of(who), software=software), record, "access-proved", rule, desk)
    return await _receipt(kept, line, desk)


async def _kept(index: int, desk: Desk) -> Kept | None:
    leaves, openings = await desk.log.leaves(index, 1), await desk.log.openings(index, 1)
    if not leaves or leaves[0][0] != index or index not in openings:
        return None
    return Kept(Entry(index, parse_leaf(leaves[0][1])), openings[index])


async def _line(kept: Kept, reader: Reader, desk: Desk) -> Access | None:
    if kept.opening.type not in DEEDS:
        return None
    (line,) = await open_lines([kept], reader, desk.vaults)
    return line


async def _receipt(kept: Kept | None, line: Access | None, desk: Desk) -> Mapping[str, Any] | Refused:
    if kept is None or line is None:
        return Refused.UNAVAILABLE
    (texts,) = await open_texts([kept], desk.vaults)
    if isinstance(texts, Unreadable):
        return Refused.UNAVAILABLE
    proof = (await desk.prover.proofs([line.index])).get(line.index)
    if proof is None:
        return Refused.PENDING
    access = {} if line.text is None else {"access": line.text}
    return {**receipt(kept, texts, proof), **access}
