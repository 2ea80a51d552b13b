"""Letters as PDF: one page, tagged, its own fonts, the address alone in the window."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pypdfium2  # type: ignore[import-untyped]
import pytest
import typst
import zxingcpp

from deploy.local import debian
from services.notifications.adapters import typesetting
from services.notifications.adapters.typesetting import typeset
from services.notifications.adapters.typst_letters import TypstPress
from services.notifications.domain.lot import Letter, Lot
from services.notifications.domain.notice import Aim
from services.notifications.domain.policy import Policy
from services.notifications.domain.wording import wordings

pytestmark = pytest.mark.integration

MM = 72 / 25.4
WINDOW = (110 * MM, 55 * MM, (110 + 85) * MM, (55 + 33) * MM)
"""Left, top, right and bottom of the envelope's window, in points."""

LOT = Lot("20261120-00001", datetime(2026, 11, 20, 12, tzinfo=UTC), 2)
WIDEST = ("M " + "W" * 36, "W" * 38, "W" * 38, "W" * 38, "W" * 38, "99999 " + "W" * 32)


def letter(place: int = 1, lines: Sequence[str] = WIDEST, child: str | None = None) -> Letter:
    """Return a letter."""
    return Letter(
        f"{place:032x}", place, "Mutuelle générale de l'Éducation nationale", tuple(lines), child, "ACDE-FGHJ"
    )


def test_every_kind_of_notice_is_a_page(press: TypstPress, tmp_path: Path):
    """A lot may hold first letters, letters with another code and letters of a failure, each on its page (F06, F18)."""
    pdf = tmp_path / "letter.pdf"
    kinds = [replace(letter(place, child="LEA MARTIN"), aim=aim) for place, aim in enumerate(Aim, 1)]
    pdf.write_bytes(typeset(press.batch(LOT, kinds)))

    pages = [" ".join(word for word, _ in page) for page in words(pdf)]

    assert [("nouveau code" in page, "difficulté technique" in page) for page in pages] == [
        (False, False),
        (True, False),
        (False, True),
    ]
    assert all("LEA MARTIN" in page and "ACDE-FGHJ" in page for page in pages)


@pytest.fixture
def press() -> TypstPress:
    """Give a press that shows in the letters that they are not official."""
    return TypstPress(wordings(Policy.DECREE), sender="Assurance Maladie", address=("TSA 1",), demonstration=True)


def poppler(tool: str, *arguments: str | Path) -> str:
    """Return what one of poppler's tools says; where the machine has none, they are fetched into the clone."""
    path, environment = shutil.which(tool), dict(os.environ)
    if path is None:
        root = debian.unpacked("poppler-utils", why="a reader of PDFs", say=print)
        path = str(root / "usr" / "bin" / tool)
        environment["LD_LIBRARY_PATH"] = ":".join(debian.libraries(root))
    done = subprocess.run([path, *map(str, arguments)], capture_output=True, check=True, env=environment)
    return done.stdout.decode("utf-8", "replace")


def words(pdf: Path) -> list[list[tuple[str, tuple[float, float, float, float]]]]:
    """Return each page's words with their boxes."""
    root = ET.fromstring(re.sub(r"<!DOCTYPE[^>]*>", "", poppler("pdftotext", "-bbox", pdf, "-")))  # noqa: S314
    space = "{http://www.w3.org/1999/xhtml}"
    return [
        [
            (word.text or "", tuple(float(word.attrib[side]) for side in ("xMin", "yMin", "xMax", "yMax")))  # type: ignore[misc]
            for word in page.iter(f"{space}word")
        ]
        for page in root.iter(f"{space}page")
    ]


def inside(box: tuple[float, float, float, float]) -> bool:
    """Tell whether a word stands in the window."""
    return box[0] >= WINDOW[0] and box[1] >= WINDOW[1] and box[2] <= WINDOW[2] and box[3] <= WINDOW[3]


def outside(box: tuple[float, float, float, float]) -> bool:
    """Tell whether a word stays clear of the window."""
    return box[2] <= WINDOW[0] or box[3] <= WINDOW[1] or box[0] >= WINDOW[2] or box[1] >= WINDOW[3]


@pytest.mark.parametrize(
    "lines",
    [WIDEST, ("A", "1 RUE X", "44000 NANTES"), (*(("W" * 38,) * 6), "ROYAUME-UNI")],
    ids=("wide", "few", "abroad"),
)
def test_the_window(press: TypstPress, tmp_path: Path, lines: tuple[str, ...]):
    """The whole address stands in the envelope's window, a line of print per line, and nothing else does (F06)."""
    pdf = tmp_path / "letter.pdf"
    pdf.write_bytes(typeset(press.batch(LOT, [letter(1, lines, "LEA MARTIN"), letter(2, lines)])))

    for page in words(pdf):
        shown = [(word, box) for word, box in page if not outside(box)]
        assert [word for word, _ in shown] == " ".join(lines).split()
        assert all(inside(box) for _, box in shown)
        assert len({round(box[1]) for _, box in shown}) == len(lines)


def test_what_the_page_says(press: TypstPress, tmp_path: Path):
    """A letter is one page with every part that the law wants, its code, its reference and the banner (F06)."""
    pdf = tmp_path / "letter.pdf"
    pdf.write_bytes(typeset(press.batch(LOT, [letter(1, child="LEA MARTIN"), letter(2)])))

    pages = [" ".join(word for word, _ in page).replace("\u00a0", " ") for page in words(pdf)]
    assert len(pages) == 2
    for number, page in enumerate(pages, 1):
        said = page.replace("\u2019", "'")
        for part in (
            "DÉMONSTRATION", "Mon espace santé", "dossier médical partagé (DMP)", "six semaines", "date d'envoi",
            "monespacesante.fr", "34 22", "par courrier", "ACDE-FGHJ", "médecin traitant", "archivées pendant dix ans",
            f"20261120-00001/000{number}", "l'Éducation nationale", "20 novembre 2026",
        ):  # fmt: skip
            assert part in said
    assert "LEA MARTIN" in pages[0]
    assert "LEA MARTIN" not in pages[1]


def test_an_accessible_archive(press: TypstPress, tmp_path: Path):
    """A letter is tagged, in French, PDF/A-2a and PDF/UA-1, with all its fonts in it."""
    raw = typeset(press.batch(LOT, [letter()]))
    for claim in (b"<pdfaid:part>2<", b"<pdfaid:conformance>A<", b"<pdfuaid:part>1<", b"/Lang(fr-FR)"):
        assert claim in raw
    pdf = tmp_path / "letter.pdf"
    pdf.write_bytes(raw)
    assert re.search(r"Tagged:\s+yes", poppler("pdfinfo", pdf))
    tags = poppler("pdfinfo", "-struct-text", pdf)
    assert all(tag in tags for tag in ("H1", "H2", "LI", "Figure", "P "))
    fonts = poppler("pdffonts", pdf).splitlines()[2:]
    assert {line.split()[0].partition("+")[2] for line in fonts} == {
        "LiberationSans",
        "LiberationSans-Bold",
        "LiberationMono",
    }
    assert all(re.search(r"yes yes yes\s", line) for line in fonts)  # embedded, subset, readable back


@pytest.mark.parametrize("dots", [200, 300])
def test_a_machine_reads_the_sorting_code(press: TypstPress, dots: int):
    """The DataMatrix of every page, as printed, is read back as lot, place, page and pages (ISO/IEC 16022)."""
    lot = replace(LOT, number="20261120-99999", letters=500)
    pdf = pypdfium2.PdfDocument(typeset(press.batch(lot, [letter(place) for place in (1, 77, 500)])))

    read = [decoded(page, dots) for page in pdf]

    assert read == [["20261120-99999/0001/1/1"], ["20261120-99999/0077/1/1"], ["20261120-99999/0500/1/1"]]


def decoded(page: Any, dots: int) -> list[str]:
    """Return what a reader of barcodes finds on a page, at so many dots per inch."""
    picture = page.render(scale=dots / 72, grayscale=True)
    pixels = memoryview(bytes(picture.buffer)).cast("B", shape=(picture.height, picture.stride))
    return [found.text for found in zxingcpp.read_barcodes(pixels)]


def test_the_same_again(press: TypstPress):
    """The same lot gives the same bytes, so a letter can be made again instead of kept."""
    batch = press.batch(LOT, [letter()])
    assert typeset(batch) == typeset(batch)


def test_a_picture_without_words(press: TypstPress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A template whose picture has no alternative text does not print."""
    mute = tmp_path / "letter.typ"
    template = typesetting.TEMPLATE.read_text()
    mute.write_text(re.sub(r', alt: "[^"]*" \+ letter.reference', "", template))
    assert mute.read_text() != template
    monkeypatch.setattr(typesetting, "TEMPLATE", mute)
    with pytest.raises(typst.TypstError):
        typeset(press.batch(LOT, [letter()]))


def test_a_letter_too_long(press: TypstPress):
    """A letter longer than its page is an error, not a second page that moves all the others."""
    batch = press.batch(LOT, [letter(1), letter(2)])
    long: dict[str, Any] = {**batch.common["wordings"]["opening"], "closing": "Trop long. " * 200}
    with pytest.raises(typst.TypstError, match="longer than one page"):
        typeset(replace(batch, common={**batch.common, "wordings": {"opening": long}}))


def test_data_is_never_markup(press: TypstPress, tmp_path: Path):
    """What comes as data is printed as it is, whatever it looks like."""
    hostile = '#panic("x") $x$ <a> *b* "; /*'
    pdf = tmp_path / "letter.pdf"
    pdf.write_bytes(typeset(press.batch(LOT, [replace(letter(), code=hostile[:14], sender=hostile)])))
    assert hostile in " ".join(word for word, _ in words(pdf)[0])


async def test_a_press_of_its_own():
    """A press prints in a process of its own, and goes on after that process was killed."""
    words_ = wordings(Policy.SEED)
    async with TypstPress(words_, sender="x", address=("TSA 1",), demonstration=False) as press:
        pdf = await press.render(LOT, [letter()])
        assert pdf.startswith(b"%PDF-")
        for process in list(press._workshop._pool._processes.values()):
            process.kill()
        with pytest.raises(BrokenProcessPool):
            await press.render(LOT, [letter()])
        assert (await press.render(LOT, [letter()])) == pdf
