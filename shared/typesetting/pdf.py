"""Typesets one PDF: runs in a process of its own, imports nothing that it does not need."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import typst

FONTS: Final = Path(__file__).parent / "fonts"
STANDARDS: Final[list[Any]] = ["a-2a", "ua-1"]
"""Archivable and accessible: with both, a picture without alternative text or a document without title is an error."""


def typeset(template: bytes, inputs: Mapping[str, str], made_at: int) -> bytes:
    """Return the PDF of a template; raise `typst.TypstError` if anything is missing or the template says so.

    ``inputs`` is data, which the template reads as JSON and never as markup. ``made_at``: seconds since 1970; the
    same template, inputs and instant give the same bytes.
    """
    pdf = compiler().compile(
        template, format="pdf", sys_inputs=dict(inputs), pdf_standards=STANDARDS, timestamp=made_at
    )
    assert isinstance(pdf, bytes)  # noqa: S101 - what the PDF format always gives
    return pdf


@cache
def compiler() -> typst.Compiler:
    """Return this process's one compiler, which knows our own fonts and no others, and reads no other file."""
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])
    return typst.Compiler(font_paths=fonts, root=FONTS)
