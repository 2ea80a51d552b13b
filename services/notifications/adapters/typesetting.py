"""Typesets a batch of letters into one PDF: runs in a process of its own, imports nothing that it does not need."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from ppf.datamatrix import DataMatrix  # type: ignore[import-untyped]

from shared.typesetting import pdf

TEMPLATE: Final = Path(__file__).parent / "letter.typ"


@dataclass(frozen=True, slots=True)
class Batch:
    """Plain data for one PDF, so that it crosses to another process cheaply."""

    common: dict[str, Any]
    """What all letters share: wordings by aim, sender, demonstration, the day it was made."""
    letters: Sequence[dict[str, Any]]
    """Per letter: aim, lines, child, code, sender, reference, mark (the text of its sorting code)."""
    made_at: int
    """Seconds since 1970: the same batch gives the same bytes."""


def typeset(batch: Batch) -> bytes:
    """Return the PDF, one page per letter; raise `typst.TypstError` if one is longer or anything is missing."""
    letters = [{**letter, "mark": mark(letter["mark"])} for letter in batch.letters]
    inputs = {"common": json.dumps(batch.common), "letters": json.dumps(letters)}
    return pdf.typeset(TEMPLATE.read_bytes(), inputs, batch.made_at)


def mark(text: str) -> str:
    """Return a text as a DataMatrix (ISO/IEC 16022) in SVG, with its quiet zone: a line per run of dark modules.

    Drawn here because the library's own drawing takes longer than its encoding.
    """
    rows = DataMatrix(text, codecs=["ascii"]).matrix  # the shortest for digits; the library would try all
    lines = []
    for y, row in enumerate(rows, 1):
        x = 1
        for dark, run in groupby(row):
            width = len(list(run))
            if dark:
                lines.append(f"M{x},{y}.5h{width}")
            x += width
    size = f"0 0 {len(rows[0]) + 2} {len(rows) + 2}"
    path = f'<path d="{"".join(lines)}" stroke="#000" stroke-width="1"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}">{path}</svg>'
