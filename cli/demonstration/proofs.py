"""What the log is good for, shown: an entry proved to the person it is about, and a changed bit found in a copy."""

import contextlib
import io
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import httpx
import typer

from cli import audit
from cli.demonstration.summary import Verdict
from verifier.checkpoints import parse_checkpoint
from verifier.command import TAMPERED, VALID
from verifier.faults import FaultError
from verifier.merkle import root_of_inclusion
from verifier.notes import parse_note
from verifier.policies import Policy
from verifier.proofs import parse_proof
from verifier.tiles import HASH_BYTES, WIDTH, join_entries, split_entries, tile_path

Ask = Callable[[str], Awaitable[httpx.Response]]

PATIENCE_S: Final = 30.0
"""How long an entry may wait for the checkpoint that proves it, before the demonstration gives up."""


async def proved(ask: Ask, index: int, policy: Policy) -> str | None:
    """Return what proves an entry, in words; None if it is not proved.

    The verifier's own code checks it: the log's and the witnesses' signatures, and the way from the entry's hash to
    the root that they signed.
    """
    answer = await ask(f"/v1/proofs/inclusion?index={index}")
    try:
        proof = parse_proof(answer.content)
        checkpoint = policy.accept(proof.note.encode())
        place, within = divmod(index, WIDTH)
        width = min(WIDTH, checkpoint.size - place * WIDTH)
        tile = (await ask(f"/{tile_path(0, place, width)}")).content
        hashed = tile[within * HASH_BYTES :][:HASH_BYTES]
        if root_of_inclusion(index, checkpoint.size, hashed, proof.path) != checkpoint.root:
            return None
    except FaultError:
        return None
    seen = f"{len(proof.path)} hashes, {len(policy.witnesses)} witnesses"
    return f"entry {index:,} of {checkpoint.size:,}: {seen}"


def verify_and_tamper(url: str, issuer: str, policy: Path, folder: Path) -> tuple[Verdict, Verdict]:
    """Export the log, have it verified, then change one bit in a copy, and have that verified.

    The second verdict is good if the verifier names the entry that was changed, and nothing else.
    """
    os.environ["CARNET_ISSUER_URL"] = issuer
    _, said = _told(lambda: audit.export(folder, url=url))
    if not (folder / "checkpoint").exists():
        return Verdict(valid=False, sentence=said), Verdict(valid=False, sentence="not tried")
    code, said = _told(lambda: audit.verify(folder, policy=policy))
    copy = folder.with_name(f"{folder.name}-tampered")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    index = _change_one(copy)
    found, named = _told(lambda: audit.verify(copy, policy=policy))
    exact = named == f"tampered: entry {index}: leaf-altered"
    return Verdict(code == VALID, said), Verdict(found == TAMPERED and exact, named)


def _change_one(folder: Path) -> int:
    """Change the last bit of the entry in the middle; return its index."""
    size = parse_checkpoint(parse_note((folder / "checkpoint").read_bytes()).text).size
    index = size // 2
    place, within = divmod(index, WIDTH)
    bundle = folder / tile_path("entries", place, min(WIDTH, size - place * WIDTH))
    entries = split_entries(bundle.read_bytes())
    entries[within] = entries[within][:-1] + bytes([entries[within][-1] ^ 1])
    bundle.write_bytes(join_entries(entries))
    return index


def _told(command: Callable[[], None]) -> tuple[int, str]:
    """Return how a command ended and what it said."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            command()
        except typer.Exit as end:
            return end.exit_code, said.getvalue().strip()
    return VALID, said.getvalue().strip()
