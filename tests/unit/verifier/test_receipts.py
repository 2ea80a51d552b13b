"""Receipts: one entry proved by itself, with its text or without, and what proves nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.logs import log_of
from tests.unit.verifier.runs import Verify


def test_a_receipt(tmp_path: Path, verify: Verify) -> None:
    """One entry with its proof and the signed checkpoint is enough to know what was logged."""
    log = log_of(300)
    place = tmp_path / "receipt.json"
    place.write_text(json.dumps(log.receipt(7)))
    code, lines = verify("receipt", place)
    assert (code, lines[0]) == (0, "valid: entry 7 of 300 of audit.carnet.example/2026")
    assert any(line.startswith("detail: ") and "event-7" in line for line in lines)


def test_a_receipt_without_its_text(tmp_path: Path, verify: Verify) -> None:
    """The receipt of an entry that was erased since still proves that it is there (bad input I115)."""
    receipt = log_of(300).receipt(7)
    place = tmp_path / "receipt.json"
    place.write_text(json.dumps({**receipt, "groups": {}}))
    code, lines = verify("receipt", place)
    assert (code, lines[-1]) == (0, "included, content erased")


RECEIPTS = {
    "another leaf": (lambda one, other: {**one, "leaf": other["leaf"]}, "root-mismatch"),
    "another text": (lambda one, other: {**one, "groups": other["groups"]}, "subject: commitment-mismatch"),
    "another proof": (lambda one, other: {**one, "proof": other["proof"]}, "root-mismatch"),
    "no proof": (lambda one, _: {**one, "proof": ""}, "proof-malformed"),
    "no leaf": (lambda one, _: {"proof": one["proof"], "groups": {}}, "receipt-malformed"),
    "a list": (lambda one, _: [one], "receipt-malformed"),
    "a leaf of another kind": (lambda one, _: {**one, "leaf": "AAAA"}, "leaf-malformed"),
}


@pytest.mark.parametrize(("forge", "told"), RECEIPTS.values(), ids=RECEIPTS)
def test_a_receipt_that_proves_nothing(forge: Callable[..., Any], told: str, tmp_path: Path, verify: Verify) -> None:
    """A receipt put together from two is refused."""
    log = log_of(300)
    place = tmp_path / "receipt.json"
    place.write_text(json.dumps(forge(log.receipt(7), log.receipt(8))))
    assert verify("receipt", place) == (1, [f"tampered: {told}"])
