"""PDFs inside documents: what does something by itself is refused, however its name is written."""

import base64
import zlib

import pytest

from services.ingest.domain.documents.content import check_content
from services.ingest.domain.documents.pdf import check_pdf
from shared.errors import RefusedError
from simulator.clinic_pdf import pdf
from tests.fakes.documents import PDF


def with_object(text: bytes) -> bytes:
    """Return a PDF with one more object."""
    return PDF.replace(b"trailer", b"2 0 obj<<%s>>endobj\ntrailer" % text)


def with_stream(kind: bytes, data: bytes) -> bytes:
    """Return a PDF with a stream of a kind."""
    return PDF.replace(
        b"trailer", b"3 0 obj<</Type/%s/Length %d>>stream\n%s\nendstream endobj\ntrailer" % (kind, len(data), data)
    )


ACTIVE = {
    "80 script": with_object(b"/S/JavaScript/JS(app.alert\\(1\\))"),
    "80 escaped name": with_object(b"/S/Java#53cript"),
    "80 launch": with_object(b"/OpenAction<</S/Launch/F(cmd.exe)>>"),
    "80 embedded file": with_object(b"/Type/Filespec/EF<</F 9 0 R>>/Names<</EmbeddedFiles 8 0 R>>"),
    "80 form that sends": with_object(b"/S /SubmitForm"),
    "80 XFA": with_object(b"/AcroForm<</XFA[(a) 1 0 R]>>"),
    "80 in an object stream": with_stream(b"ObjStm", zlib.compress(b"4 0 <</S/JavaScript>>")),
    "80 in a stream of an escaped name": with_stream(b"Obj#53tm", zlib.compress(b"4 0 <</S/Launch>>")),
    "80 in an object stream that cannot be read": with_stream(b"ObjStm", b"4 0 <<>>"),
    "83 in an object stream that never ends": with_stream(b"ObjStm", zlib.compress(b" " * 17_000_000)),
}


@pytest.mark.parametrize("name", ACTIVE)
def test_active(name: str):
    """A PDF that runs, opens, sends or carries something, or hides whether it does, is refused."""
    with pytest.raises(RefusedError, match="file-active at body"):
        check_pdf(ACTIVE[name])


def test_encrypted():
    """82: nobody could look into an encrypted file, and not everybody read it."""
    with pytest.raises(RefusedError, match="file-encrypted"):
        check_pdf(PDF.replace(b"/Root", b"/Encrypt 5 0 R/Root"))


@pytest.mark.parametrize(
    "content",
    [
        PDF,
        pdf("Compte rendu", ["/JS n'est qu'un texte dans le contenu d'une page"]),
        with_object(b"/OpenAction[1 0 R/Fit]/JSomething 1/Encrypted false"),
        with_stream(b"XObject", b"\x00 /JS /Launch \xff"),
        with_stream(b"ObjStm", zlib.compress(b"4 0 <</Type/Page>>")),
    ],
    ids=["small", "text", "harmless names", "bytes of a picture", "object stream"],
)
def test_harmless(content: bytes):
    """What only looks alike, or is a page's or a picture's content, is kept."""
    check_pdf(content)


def test_where_it_counts():
    """An active PDF is refused as the body of a document."""
    text = base64.b64encode(ACTIVE["80 launch"]).decode()
    with pytest.raises(RefusedError, match="file-active"):
        check_content("application/pdf", "B64", text, limit=10_000)
