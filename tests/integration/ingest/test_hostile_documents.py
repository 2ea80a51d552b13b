"""Hostile documents, in the reader's own process: each refused by its code or kept as inert text, at a bounded cost."""

import asyncio
import base64
import os
import time
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from services.ingest.domain.documents.metadata import check_patient
from shared.errors import RefusedError
from shared.identity import parse_ins
from tests.fakes.documents import HEADER, PDF, SECTIONS, TEST_OID, cda, unstructured, wrapped
from tests.integration.ingest.readers import inside, pid_of

LAUGHS = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
QUADRATIC = f'<!ENTITY a "{"a" * 50_000}">'
SECRET = "root:x:0:0"


def dtd(internal: str = "", title: str = "Bonjour", before: str = "") -> bytes:
    """Return a document with a document type declaration."""
    declared = f'<?xml version="1.0"?>{before}<!DOCTYPE ClinicalDocument [{internal}]>'
    return cda(head=declared, title=f"<title>{title}</title>")


def attributes(count: int) -> str:
    """Return an element with many attributes."""
    return "<a " + " ".join(f'a{n}=""' for n in range(count)) + "/>"


def namespaces(count: int) -> str:
    """Return many elements, each with a namespace."""
    return "".join(f'<n{n}:a xmlns:n{n}="urn:{n}"/>' for n in range(count))


REFUSED: dict[str, tuple[Callable[[str], bytes], str]] = {
    "68 external entity, file": (lambda _: dtd('<!ENTITY x SYSTEM "file:///etc/passwd">', "&x;"), "xml-dtd"),
    "68 external entity, http": (lambda url: dtd(f'<!ENTITY x SYSTEM "{url}">', "&x;"), "xml-dtd"),
    "68 parameter entity": (lambda url: dtd(f'<!ENTITY % x SYSTEM "{url}"> %x;'), "xml-dtd"),
    "68 external subset": (
        lambda url: cda(head=f'<!DOCTYPE ClinicalDocument SYSTEM "{url}">'),
        "xml-dtd",
    ),
    "69 billion laughs": (lambda _: dtd(LAUGHS, "&a11;"), "xml-dtd"),
    "69 quadratic blow-up": (lambda _: dtd(QUADRATIC, "&a;" * 50_000), "xml-dtd"),
    "70 bare DOCTYPE": (lambda _: cda(head="<!DOCTYPE ClinicalDocument>"), "xml-dtd"),
    "70 DOCTYPE after comments": (lambda _: dtd(before="<!-- > --> <?a <b?>\n<!---->"), "xml-dtd"),
    "70 DOCTYPE after a byte order mark": (lambda _: b"\xef\xbb\xbf" + dtd(), "xml-dtd"),
    "70 DOCTYPE after the root": (lambda _: cda() + b"<!DOCTYPE a>", "xml-malformed"),
    "70 DOCTYPE in lower case": (lambda _: cda(head="<!doctype a>"), "xml-malformed"),
    "72 depth 300": (lambda _: inside("<a>" * 300 + "</a>" * 300), "xml-too-deep"),
    "72 depth 50,000": (lambda _: inside("<a>" * 50_000 + "</a>" * 50_000), "xml-too-deep"),
    "72 depth 200,000": (lambda _: inside("<a>" * 200_000 + "</a>" * 200_000), "xml-too-costly"),
    "73 200,000 attributes": (lambda _: inside(attributes(200_000)), "xml-too-costly"),
    "73 20,000 namespaces": (lambda _: inside(namespaces(20_000)), "xml-too-costly"),
    "73 2,400,000 elements": (lambda _: inside("<a/>" * 2_400_000), "xml-too-costly"),
    "73 11 MB of text": (lambda _: inside(f"<a>{'a' * 11_000_000}</a>"), "xml-too-large"),
    "73 9 MB of comments": (lambda _: inside("<!---->" * 1_300_000), "xml-too-costly"),
    "73 9 MB before the root": (lambda _: cda(head="<!---->" * 1_300_000), "xml-too-costly"),
    "73 comment without an end": (lambda _: b"<!--" * 2_000_000, "xml-too-costly"),
    "74 UTF-7": (lambda _: cda(head='<?xml version="1.0" encoding="UTF-7"?>'), "xml-encoding"),
    "74 UTF-16, marked": (lambda _: cda(head="").decode().encode("utf-16"), "xml-encoding"),
    "74 UTF-16, unmarked": (lambda _: cda(head="").decode().encode("utf-16-be"), "xml-encoding"),
    "74 UTF-16 declared": (lambda _: cda(head='<?xml version="1.0" encoding="utf-16"?>'), "xml-encoding"),
    "74 UTF-32": (lambda _: cda(head="").decode().encode("utf-32-le"), "xml-encoding"),
    "74 Latin 1 called UTF-8": (lambda _: cda().decode().encode("latin-1"), "xml-encoding"),
    "74 UTF-8 called Latin 1": (lambda _: cda(head="<?xml version='1.0' encoding='ISO-8859-1'?>"), "xml-encoding"),
    "74 overlong UTF-8": (lambda _: cda().replace(b"Lettre", b"\xc0\xbcLettre"), "xml-encoding"),
    "77 two record targets": (lambda _: cda(patient=HEADER["patient"] * 2), "patient-several"),
    "78 not base64": (lambda _: cda(body=unstructured("JVBE%i0=")), "body-base64"),
    "78 HTML called PDF": (lambda _: wrapped(b"<html><script>alert(1)</script>"), "format-refused"),
    "78 PDF behind a zip": (lambda _: wrapped(b"PK\x03\x04" + PDF), "format-refused"),
    "78 PDF without an end": (lambda _: wrapped(PDF[:-8]), "format-refused"),
    "80 PDF with a script": (
        lambda _: wrapped(PDF.replace(b"/Type", b"/AA<</O<</S/J#61vaScript>>>>/Type")),
        "file-active",
    ),
    "82 encrypted PDF": (lambda _: wrapped(PDF.replace(b"/Root", b"/Encrypt 4 0 R/Root")), "file-encrypted"),
    "78 empty file": (lambda _: wrapped(b""), "body-missing"),
    "78 executable": (lambda _: wrapped(b"MZ", "application/octet-stream"), "format-refused"),
    "78 file too large": (lambda _: wrapped(PDF[:-6] + b" " * 5_000_000 + b"%%EOF"), "body-too-large"),
}

INERT: dict[str, Callable[[str], bytes]] = {
    "71 inclusion of a file": lambda _: cda(title=f"<title>{included('file:///etc/passwd')}Bonjour</title>"),
    "71 inclusion by http": lambda url: cda(title=f"<title>{included(url)}Bonjour</title>"),
    "75 style sheet": lambda url: cda(
        head=f'<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="{url}"?>', title="<title>Bonjour</title>"
    ),
    "75 schema location": lambda url: cda(
        title=f'<title xsi:schemaLocation="urn:hl7-org:v3 {url}">Bonjour</title>',
    ),
    "75 script in the narrative": lambda url: cda(
        title="<title>Bonjour</title>",
        body=SECTIONS.replace(
            "Rien", f'<script xmlns="urn:hl7-org:sdtc" src="{url}">a()</script><linkHtml href="javascript:a()"/>'
        ),
    ),
    "75 markup in a title": lambda _: cda(title="<title>&lt;script>a()&lt;/script>Bonjour</title>"),
}


def included(url: str) -> str:
    """Return an XInclude element."""
    return f'<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="{url}" parse="text"/>'


@pytest.fixture(scope="module")
async def tempting() -> AsyncIterator[tuple[str, list[Any]]]:
    """Give an address, and who came there."""
    visits: list[Any] = []

    async def welcome(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(writer.get_extra_info("peername"))
        writer.close()

    async with await asyncio.start_server(welcome, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/x", visits


def processor_seconds(pid: int) -> float:
    """Give the processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_megabytes(pid: int) -> float:
    """Give the most memory that a process ever held."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


@pytest.mark.parametrize("name", REFUSED)
async def test_refused(name, reader, tempting):
    """A hostile document is refused by its code, soon, in little memory, with nothing fetched and no reader lost."""
    make, code = REFUSED[name]
    url, visits = tempting
    body, pid = make(url), pid_of(reader)
    before, began = processor_seconds(pid), time.monotonic()
    with pytest.raises(RefusedError) as refusal:
        await reader.read(body)
    assert refusal.value.code == code
    assert SECRET not in str(refusal.value)
    assert pid_of(reader) == pid
    assert processor_seconds(pid) - before <= (0.05 if name.startswith(("68", "69", "70")) else 1)
    assert time.monotonic() - began < 10
    assert peak_megabytes(pid) < 150
    assert not visits


@pytest.mark.parametrize("name", INERT)
async def test_inert(name, reader, tempting):
    """What only a browser or a style sheet acts on is text: the document stays as it came, nothing is fetched."""
    url, visits = tempting
    body = INERT[name](url)
    entry = await reader.read(body)
    assert entry.title.endswith("Bonjour")
    assert SECRET not in entry.title
    assert (entry.sha256, entry.size) == (sha256(body).hexdigest(), len(body))
    await asyncio.sleep(0)
    assert not visits


async def test_somebody_else(reader):
    """76: a document about another person than the one it is deposited for is refused."""
    entry = await reader.read(cda())
    with pytest.raises(RefusedError, match="patient-mismatch"):
        check_patient(entry, parse_ins("277076322082910", TEST_OID, production=False))


async def test_wrapped_file_is_not_touched(reader):
    """A file in a document is looked at and left as it is: the hash is that of the bytes as deposited."""
    body = cda(body=unstructured(base64.encodebytes(PDF).decode()))
    assert (await reader.read(body)).sha256 == sha256(body).hexdigest()
