"""The made-up run, spoiled, and what is found in it."""

from collections.abc import Callable
from typing import Any

from chaos.aftermath import Aftermath
from chaos.checker import judge
from tests.unit.chaos import made_up as run

Spoil = Callable[[list[dict[str, Any]], Aftermath], object]


def violated(spoil: Spoil) -> dict[str, list[str]]:
    """Return what is found in the made-up run once it is spoiled."""
    moments, left = run.history(), run.aftermath()
    spoil(moments, left)
    return {each.name: each.violations for each in judge(moments, left) if each.violations}
