"""Reading bytes: our own example, and what is refused before or while it is parsed."""

import base64

import pytest

from services.ingest.adapters.cda_reader import Limits, read_header
from services.ingest.domain.documents.entry import entry_of
from shared import terminology
from shared.errors import RefusedError
from tests.fakes.documents import PDF, SECTIONS, cda, replacing, unstructured, wrapped

LIMITS = Limits()


def _refusal(body: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(RefusedError) as raised:
        read_header(body, limits)
    return raised.value.code


def test_example():
    """The table of paths finds everything that the example says."""
    body = cda(replaces=replacing("1.2.3.4"))
    entry = entry_of(read_header(body, LIMITS), size=len(body), sha256="", terms=terminology, production=False)
    assert (entry.unique_id, entry.set_id, entry.version) == ("1.2.250.1.999.1^CR-7", "1.2.250.1.999.2^7", 2)
    assert entry.title == "Lettre de liaison à la sortie"
    assert entry.type_code.label == "Lettre de liaison"
    assert str(entry.source_patient.identifier) == "1.2.250.1.999.3^IPP 12"
    assert (entry.source_patient.birth_name, entry.source_patient.given_names) == ("EXEMPLE", "ALIX CAMILLE")
    assert (entry.source_patient.sex, entry.source_patient.birth_place) == ("F", "51215")
    [author] = entry.authors
    assert (author.family, author.given, author.device) == ("MODELE", "Maud", None)
    assert author.specialty
    assert author.specialty.code == "G15_10/SM26"
    assert author.organization == entry.custodian
    assert str(entry.legal_authenticator.identifier) == "1.2.250.1.71.4.2.1^810000000005"
    assert entry.practice_setting
    assert entry.facility_type
    assert (entry.practice_setting.code, entry.facility_type.code) == ("ETABLISSEMENT", "SA01")
    assert entry.service_start.isoformat() == "2026-10-28T09:00:00+00:00"
    assert str(entry.service_stop) == "2026-11-02 23:00:00+00:00"
    assert [code.label for code in entry.event_codes] == ["Séjour"]
    assert entry.replaces == ("1.2.3.4",)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PDF, "application/pdf"),
        (PDF, "Application/PDF; charset=binary"),
        (b"Bonjour \xc3\xa0 tous", "text/plain"),
        (b"{\\rtf1 a}", "text/rtf"),
        (b"{\\rtf1 a}", "application/rtf"),
        (b"\xff\xd8\xff\xe0....", "image/jpeg"),
        (b"II*\0....", "image/tiff"),
        (b"MM\0*....", "image/tiff"),
    ],
)
def test_wrapped(content, media_type):
    """F28: a document may wrap a file of the allowed kinds, which its first bytes prove."""
    assert read_header(wrapped(content, media_type), LIMITS).media_type == media_type.partition(";")[0].lower()


def test_white_space_in_base64():
    """Base64 may be broken into lines, as mailers do."""
    lines = base64.encodebytes(PDF * 3).decode().replace("\n", "\r\n\t ")
    assert read_header(cda(body=unstructured(lines)), LIMITS).media_type == "application/pdf"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "body-missing"),
        ("<structuredBody/>", "body-missing"),
        ("<nonXMLBody/>", "body-missing"),
        (unstructured(""), "body-missing"),
        (unstructured('<reference value="http://127.0.0.1/"/>'), "body-missing"),
        (SECTIONS + unstructured("QQ=="), "format-refused"),
        (unstructured("QQ==") * 2, "format-refused"),
        (unstructured("QQ==", "application/zip"), "format-refused"),
        (unstructured("QQ==", ""), "format-refused"),
        (unstructured("QQ==", "text/html"), "format-refused"),
        (unstructured("Bonjour", "text/plain", "TXT"), "body-base64"),
        (unstructured("JVBERi0"), "body-base64"),
        (unstructured("JVBE*i0="), "body-base64"),
        (unstructured("ÀÀÀÀ"), "body-base64"),
    ],
)
def test_bodies(body, code):
    """F28: a body is there, is one, is base64 and of an allowed kind."""
    assert _refusal(cda(body=body)) == code


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b" " + PDF, "application/pdf"),
        (b"PK\x03\x04" + PDF, "application/pdf"),
        (b"<html>%PDF-</html>", "application/pdf"),
        (PDF[:-8], "application/pdf"),
        (PDF, "image/jpeg"),
        (b"\xff\xfe", "text/plain"),
        (b"a\0b", "text/plain"),
        (b"<html>", "text/rtf"),
    ],
)
def test_false_kinds(content, media_type):
    """F28: a file that is not what it claims to be from its first byte is refused."""
    assert _refusal(wrapped(content, media_type)) == "format-refused"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "xml-malformed"),
        (b"Bonjour", "xml-malformed"),
        (b"<ClinicalDocument>", "xml-malformed"),
        (cda() + b"<a/>", "xml-malformed"),
        (cda().replace(b"<title>", b"<title>&nbsp;"), "xml-malformed"),
        (cda().replace(b"<title>", b"<title>&#1;"), "xml-malformed"),
        (cda().replace(b"<title>", b"<title>\x01"), "xml-malformed"),
        (cda().replace(b"urn:hl7-org:v3", b"urn:hl7-org:v4"), "cda-root"),
        (b"<a/>", "cda-root"),
        (
            b'<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform">' + cda(head="") + b"</xsl:stylesheet>",
            "cda-root",
        ),
    ],
)
def test_no_documents(body, code):
    """What is not well-formed, or not a ClinicalDocument at its root, is refused."""
    assert _refusal(body) == code


def test_byte_order_mark():
    """A byte order mark may stand before UTF-8; a lower-case declaration or none is the same."""
    usual = read_header(cda(), LIMITS)
    assert read_header(b"\xef\xbb\xbf" + cda(), LIMITS) == usual
    assert read_header(cda(head='<?xml version="1.0" encoding="utf-8" standalone="yes"?>'), LIMITS) == usual
    assert read_header(cda(head=""), LIMITS) == usual


def test_caps():
    """Each cap refuses what is above it and nothing at it."""
    body = cda()
    at_caps = Limits(
        size=len(body), markup=body.count(b"<"), attributes=body.count(b"="), namespaces=body.count(b"xmlns")
    )
    read_header(body, at_caps)
    assert _refusal(body + b" ", at_caps) == "xml-too-large"
    for change in (b"<a/>", b'<a b=""/>'):
        assert (
            _refusal(body.replace(b"<title>", change + b"<title>"), Limits(markup=at_caps.markup)) == "xml-too-costly"
        )
    assert _refusal(wrapped(PDF), Limits(content=len(PDF) - 1)) == "body-too-large"
    assert read_header(wrapped(PDF), Limits(content=len(PDF))).media_type


def test_long_texts_are_cut():
    """A text that every rule refuses is not carried further than the rule needs."""
    header = read_header(cda(title=f"<title>{'é' * 5000}</title>", author="<author/>" * 500), LIMITS)
    assert len(header.fields["title"][0]) == 256
    assert len(header.parts["author"]) == 101
