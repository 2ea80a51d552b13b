"""The log signs what it has become, has witnesses sign it too, and only then publishes it.

The root is reckoned from the leaves as they were read back, on top of the last tree that was signed: a bit that flipped
on the way, or a leaf that somebody changed, is found before it is signed, and nothing is ever signed that does not
contain what was signed before.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from services.audit.domain.checkpoints import NotWitnessedError, Signed, Standing
from services.audit.domain.entries import Head
from services.audit.domain.subtrees import root_nodes
from services.audit.domain.tree import LogDamagedError, check_tiles, hash_of, spanned, tile_of
from services.audit.handlers.proving import prove_growth
from services.audit.ports import CheckpointStore, LogReader, Tiles, Witness
from shared.clock import Clock
from shared.messaging.acts import Perform
from shared.messaging.unit import Unit
from shared.notes import NoteSigner
from verifier.checkpoints import Checkpoint, parse_checkpoint
from verifier.faults import TamperedError
from verifier.leaves import parse_leaf
from verifier.merkle import Frontier, leaf_hash
from verifier.notes import Note, Signature, parse_note, signers
from verifier.policies import Policy

CHUNK: Final = 4096
"""Leaves that are read at once."""

_TRIES: Final = 3
"""How often a witness is asked: it may have seen less or more than is thought, and says so."""

log = structlog.get_logger()


@dataclass(slots=True)
class Signing:
    """What a log signs with, and what it keeps in mind between two checkpoints."""

    log: LogReader
    tiles: Tiles
    shelf: CheckpointStore
    signer: NoteSigner
    witnesses: Sequence[Witness]
    policy: Policy
    frontier: Frontier = field(default_factory=Frontier)
    """Of the last tree that was signed."""
    seen: dict[str, int] = field(default_factory=dict)
    """What each witness signed last, by its name."""


async def sign_checkpoint(perform: Perform, *, signing: Signing) -> None:
    """Publish a checkpoint of the log as it is now, unless the last one is of this size.

    Raise `LogDamagedError` if what is stored is not what was signed before with entries added: then nothing is signed.
    Raise `NotWitnessedError` if too few witnesses sign; the same checkpoint is shown to them again the next time.
    """
    signed, published = await asyncio.gather(signing.shelf.signed(), signing.shelf.published())
    signed = None if signed is None else _own(signed, signing.signer)
    head, size = await signing.log.head(), signed.checkpoint.size if signed else 0
    if head.size < size:
        raise LogDamagedError(f"the log has {head.size} entries, {size} were signed")
    if head.size > size:
        signed = await _sign(perform, signed, head, signing)
    if signed is not None and (published is None or published.checkpoint.size < signed.checkpoint.size):
        await _publish(perform, signed, signing)


async def standing(log_reader: LogReader, shelf: CheckpointStore, clock: Clock) -> Standing:
    """Return how far what is published lags behind; the oldest entry without a checkpoint is the merge delay."""
    published = await shelf.published()
    size = published.checkpoint.size if published else 0
    head, waiting = await log_reader.head(), await log_reader.leaves(size, 1)
    now = int(clock.now().timestamp() * 1000)
    age = max(0, now - parse_leaf(waiting[0][1]).recorded_at) if waiting else 0
    return Standing(head.size, size, age)


async def _sign(perform: Perform, before: Signed | None, head: Head, signing: Signing) -> Signed:
    frontier = await _grown(before, head, signing)
    checkpoint = Checkpoint(signing.signer.key.name, frontier.size, frontier.root())
    note = Note(checkpoint.text, (signing.signer.sign(checkpoint.text),))
    signed = Signed(checkpoint, str(note))
    # Written down before anybody sees it: whatever was once signed is what the next one has to contain.
    await perform(partial(_kept, signed, signing))
    signing.frontier = frontier
    return signed


async def _kept(signed: Signed, signing: Signing, unit: Unit) -> None:
    signing.shelf.keep_signed(signed, unit)


async def _grown(before: Signed | None, head: Head, signing: Signing) -> Frontier:
    """Return the edge of the tree of a head, from the leaves that are stored."""
    frontier = await _frontier(before, signing)
    while frontier.size < head.size:
        start = frontier.size
        stored = await signing.log.leaves(start, min(CHUNK, head.size - start))
        if not stored or [index for index, _ in stored] != list(range(start, start + len(stored))):
            raise LogDamagedError(f"a leaf from {start} on is missing")
        hashes = [leaf_hash(raw) for _, raw in stored]
        check_tiles(start, hashes, await signing.tiles.tiles(spanned(start, len(hashes))))
        for hashed in hashes:
            frontier.append(hashed)
    if frontier.root() != head.root:
        raise LogDamagedError("the leaves do not have the root of the head")
    return frontier


async def _frontier(before: Signed | None, signing: Signing) -> Frontier:
    """Return the edge of the tree that was signed last, from memory or from its tiles."""
    if before is None:
        return Frontier()
    known, checkpoint = signing.frontier, before.checkpoint
    if known.size != checkpoint.size:
        nodes = root_nodes(checkpoint.size)
        pyramids = await signing.tiles.pyramids({tile_of(node) for node in nodes}, checkpoint.size)
        known = Frontier(checkpoint.size, [hash_of([node], pyramids) for node in nodes])
    if known.root() != checkpoint.root:
        raise LogDamagedError("the tiles do not have the root that was signed")
    return Frontier(known.size, known.nodes)


async def _publish(perform: Perform, signed: Signed, signing: Signing) -> None:
    note = parse_note(signed.note.encode())
    lines = await asyncio.gather(*(_cosigned(witness, note, signed, signing) for witness in signing.witnesses))
    whole = Note(note.text, (*note.signatures, *(line for line in lines if line is not None)))
    try:
        signing.policy.accept(str(whole).encode())
    except TamperedError as error:
        raise NotWitnessedError(error.code) from None
    published = Signed(signed.checkpoint, str(whole))

    async def work(unit: Unit) -> None:
        signing.shelf.publish(published, unit)

    await perform(work)


async def _cosigned(witness: Witness, note: Note, signed: Signed, signing: Signing) -> Signature | None:
    """Return a witness's line; None if it gives none, whatever the reason."""
    size = signed.checkpoint.size
    for _ in range(_TRIES):
        old = signing.seen.get(witness.key.name, 0)
        answer = await witness.cosign(note, old, await prove_growth(old, size, signing.tiles))
        if not isinstance(answer, int):
            signing.seen |= {witness.key.name: size} if answer else {}
            return answer
        if answer > size:
            log.error("log_behind_its_witness", host=witness.key.name, size=size)
            return None
        signing.seen[witness.key.name] = answer
    return None


def _own(signed: Signed, signer: NoteSigner) -> Signed:
    """Return what was signed, taken from the note itself; raise `LogDamagedError` if it was not signed by this log."""
    try:
        note = parse_note(signed.note.encode())
        signers(note, [signer.key])
        return Signed(parse_checkpoint(note.text), signed.note)
    except TamperedError as error:
        raise LogDamagedError(f"the last checkpoint was not signed by this log: {error.code}") from None
