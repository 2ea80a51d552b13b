"""The one table of codes, and those who give them."""

import ast
from pathlib import Path

import pytest

from shared.contracts.reasons import REASONS

ROOT = Path(__file__).parents[3]


def _codes(path: Path) -> set[str]:
    """Return the literal codes that a file gives to refusals and outcomes."""
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    named = [(getattr(call.func, "id", getattr(call.func, "attr", "")), call.args) for call in calls]
    first = [args[0] for name, args in named if name in {"RefusedError", "InsError", "Unreadable"} and args]
    second = [args[1] for name, args in named if name in {"ignore", "wait", "quarantine"} and len(args) > 1]
    return {node.value for node in first + second if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@pytest.mark.parametrize("room", ["services/ingest", "shared/messaging", "shared/identity"])
def test_every_code_is_listed(room):
    """A code that is given anywhere on an event's way is explained in the one table."""
    given_codes = set().union(*(_codes(path) for path in (ROOT / room).rglob("*.py")))
    assert given_codes, "the search sees nothing"
    assert given_codes <= REASONS.keys()


def test_reasons_are_sentences():
    """Every code is a lower-case name with an English sentence."""
    for code, sentence in REASONS.items():
        assert code == code.lower().strip("-")
        assert sentence[0].isupper()
        assert sentence.endswith(".")
