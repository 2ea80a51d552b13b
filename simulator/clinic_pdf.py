"""A small PDF of one page, by hand: enough for a real viewer, in microseconds."""

from collections.abc import Sequence
from typing import Final

_WIDTH, _HEIGHT, _MARGIN = 595, 842, 62
_LEADING: Final = 15
_LINES: Final = 48
"""What fits on the page."""


def pdf(title: str, lines: Sequence[str]) -> bytes:
    """Return a PDF 1.4 with a title and lines of text (Windows-1252), in Helvetica, which every viewer has."""
    content = _page(title, lines[:_LINES])
    font = b"<</Type/Font/Subtype/Type1/BaseFont/%s/Encoding/WinAnsiEncoding>>"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/Lang(fr-FR)>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents 4 0 R"
        b"/Resources<</Font<</R 5 0 R/B 6 0 R>>>>>>" % (_WIDTH, _HEIGHT),
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        font % b"Helvetica",
        font % b"Helvetica-Bold",
        b"<</Title%s/Producer(Carnet)>>" % _text(title),
    ]
    return _file(objects)


def _page(title: str, lines: Sequence[str]) -> bytes:
    start = b"BT /B 14 Tf %d %d Td %s Tj /R 10 Tf %d TL T*" % (_MARGIN, _HEIGHT - _MARGIN, _text(title), _LEADING)
    return b"\n".join([start, *(b"T* %s Tj" % _text(line) for line in lines), b"ET"])


def _text(text: str) -> bytes:
    raw = text.encode("cp1252", "replace")
    return b"(" + raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)") + b")"


def _file(objects: Sequence[bytes]) -> bytes:
    """Join objects with the table that says where each begins."""
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    begin, size = len(out), len(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    out += b"trailer<</Size %d/Root 1 0 R/Info %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, len(objects), begin)
    return bytes(out)
