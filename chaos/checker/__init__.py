"""Judges a run from its history and from what was left: pure functions, so that they are tested with made-up runs."""

from chaos.checker.finding import Finding
from chaos.checker.judging import judge

__all__ = ["Finding", "judge"]
