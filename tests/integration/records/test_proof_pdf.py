"""The proof of an opposition as a PDF: one page, tagged, its own fonts, and what it says."""

from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pypdfium2  # type: ignore[import-untyped]
import pytest
import typst

from services.records.adapters.typst_proofs import TypstProofs, print_sheet, sheet
from services.records.domain.opposition import Effect, Opposition, Way
from services.records.domain.proof import Holder, Proof, proof_of

pytestmark = pytest.mark.integration

HOLDER = Holder("ZOÉ MARTIN-DUBOIS", "F", date(1980, 2, 29))
NUMBER = "0123456789abcdef0123456789abcdef"


def proof(effect: Effect = Effect.OPPOSED, holder: Holder | None = HOLDER, way: Way = Way.ONLINE) -> Proof:
    """Return a proof of an opposition made on a winter's evening."""
    at = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    return proof_of(Opposition(NUMBER, "r", way, "holder", date(2026, 11, 22), at, effect, 4), holder)


def printed(what: Proof, *, demonstration: bool = True) -> bytes:
    """Return a proof on paper."""
    return print_sheet(sheet(what, demonstration=demonstration))


def said(pdf: bytes) -> str:
    """Return the text of the only page, as it is read aloud."""
    document: Any = pypdfium2.PdfDocument(pdf)
    assert len(document) == 1
    text: str = document[0].get_textpage().get_text_range()
    return " ".join(text.replace("\u2019", "'").split())


@pytest.mark.parametrize("effect", list(Effect))
@pytest.mark.parametrize("way", list(Way))
def test_what_it_says(effect: Effect, way: Way):
    """A proof is one page: person, number, channel, day, moment in Paris, effect, and what comes next (F11)."""
    text = said(printed(proof(effect, way=way)))

    for part in (
        "Justificatif d'opposition",
        "ZOÉ MARTIN-DUBOIS, née le 29 février 1980",
        "0123 4567 89AB CDEF 0123 4567 89AB CDEF",
        {Way.ONLINE: "en ligne", Way.PHONE: "par téléphone", Way.POST: "par courrier"}[way],
        "22 novembre 2026",
        "le 22 novembre 2026 à 0 h 30",
        {Effect.OPPOSED: "enregistrée", Effect.DMP_KEPT: "à confirmer", Effect.DMP_CLOSED: "DMP fermé"}[effect],
        "Et ensuite ?",
        "aucune conséquence sur vos remboursements",
        "R. 1111-28",
        "DÉMONSTRATION",
    ):
        assert part in text


def test_an_accessible_archive():
    """A proof is tagged, in French, PDF/A-2a and PDF/UA-1."""
    raw = printed(proof())
    for claim in (b"<pdfaid:part>2<", b"<pdfaid:conformance>A<", b"<pdfuaid:part>1<", b"/Lang(fr-FR)"):
        assert claim in raw


def test_the_same_again():
    """The same proof is the same bytes, so that none is kept; and only a demonstration says that it is one."""
    assert printed(proof()) == printed(proof())
    assert "DÉMONSTRATION" not in said(printed(proof(), demonstration=False))


def test_an_erased_person():
    """Without an identity the proof names nobody."""
    assert "n'est plus conservée" in said(printed(proof(holder=None)))


def test_data_is_never_markup():
    """A name is printed as it is, whatever it looks like."""
    hostile = '#panic("x") $x$ <a> *b* /*'
    assert hostile in said(printed(proof(holder=replace(HOLDER, name=hostile))))


def test_a_proof_too_long():
    """A proof that does not fit its page is an error."""
    with pytest.raises(typst.TypstError, match="longer than one page"):
        printed(replace(proof(), then=("Trop long. " * 900,)))


async def test_a_press_of_its_own():
    """Proofs are printed in a process of their own, and go on after that process was killed."""
    async with TypstProofs(demonstration=True) as press:
        pdf = await press.render(proof())
        assert pdf.startswith(b"%PDF-")
        for process in list(press._workshop._pool._processes.values()):
            process.kill()
        with pytest.raises(BrokenProcessPool):
            await press.render(proof())
        assert await press.render(proof()) == pdf
