"""Reads the header of a CDA R2 document with lxml: hostile until proved harmless, and never believed.

Nothing outside the bytes is ever looked at: no DTD, no entity, no schema location, no style sheet, no inclusion. What
was read is not judged here, `services.ingest.domain.documents` does that.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from lxml import etree

from services.ingest.domain.documents.content import check_content
from services.ingest.domain.documents.header import FIELDS, LONGEST, MOST, NAMESPACE, PARTS, ROOT, Header
from shared.errors import RefusedError

Element: TypeAlias = "etree._Element"  # noqa: SLF001 - it has no other name
Reach: TypeAlias = Callable[[Element], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a document may cost; far above the largest of the 107 official examples (3 MB, 6,281 nodes, depth 21)."""

    size: int = 10_000_000
    """Bytes of the document."""
    content: int = 5_000_000
    """Bytes of a wrapped file, decoded: what the DMP takes of patients; for professionals no limit is published."""
    markup: int = 200_000
    """Characters that begin a tag: a tag each for an element's beginning and end."""
    attributes: int = 100_000
    """Equal signs: one for each attribute."""
    namespaces: int = 5_000
    """Declarations of a namespace."""


_BOM: Final = b"\xef\xbb\xbf"
_DECLARED: Final = re.compile(rb"<\?xml\s[^>]*?\bencoding\s*=\s*[\"']([^\"'>]*)")
_PROLOG: Final = re.compile(rb"(?:\s+|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
"""What may stand before the root or a document type declaration."""


def read_header(body: bytes, limits: Limits) -> Header:
    """Return what a document's header says, or raise RefusedError; the cheapest refusals come first."""
    _check_bytes(body, limits)
    root = _parse(body)
    if root.tag != ROOT:
        raise RefusedError("cda-root")
    return Header(
        fields={name: _texts(reach(root)) for name, reach in _FIELDS.items()},
        parts={name: [_inside(one, fields) for one in reach(root)[: MOST + 1]] for name, (reach, fields) in _PARTS},
        media_type=_media_type(root, limits),
    )


def _check_bytes(body: bytes, limits: Limits) -> None:
    """Refuse, before any parser sees it, what no parser should see."""
    if len(body) > limits.size:
        raise RefusedError("xml-too-large")
    text = body.removeprefix(_BOM)
    _check_encoding(text)
    prolog = _PROLOG.match(text)
    if prolog is not None and text.startswith(b"<!DOCTYPE", prolog.end()):
        raise RefusedError("xml-dtd")
    caps = ((b"<", limits.markup), (b"=", limits.attributes), (b"xmlns", limits.namespaces))
    if any(text.count(mark) > cap for mark, cap in caps):
        raise RefusedError("xml-too-costly")


def _check_encoding(text: bytes) -> None:
    """UTF-8 is the only one: in another, or under a false name, two readers read two documents."""
    declared = _DECLARED.match(text)
    if declared is not None and declared[1].lower() != b"utf-8":
        raise RefusedError("xml-encoding")
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusedError("xml-encoding") from None
    if b"\0" in text[:4]:  # UTF-16 and UTF-32 of ASCII characters are valid UTF-8
        raise RefusedError("xml-encoding")


def _parse(body: bytes) -> Element:
    parser = etree.XMLParser(
        encoding="utf-8",  # whatever the declaration says
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,  # at most 256 deep
        remove_pis=True,
        remove_comments=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise _refusal(cast("Any", error)) from None
    docinfo: Any = root.getroottree().docinfo
    if docinfo.doctype:
        raise RefusedError("xml-dtd")
    return root


def _refusal(error: Any) -> Exception:
    """Say by a stable code what libxml2 says by number; its message may quote the document."""
    if error.code == etree.ErrorTypes.ERR_NO_MEMORY:
        return MemoryError()
    if error.code == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
        return RefusedError("xml-too-deep" if "depth" in str(error.msg) else "xml-too-costly")
    return RefusedError("xml-malformed")


def _media_type(root: Element, limits: Limits) -> str | None:
    """Look at the body: None for sections, else the media type of the wrapped file after checking it."""
    structured, unstructured = _STRUCTURED(root), _UNSTRUCTURED(root)
    if len(structured) + len(unstructured) > 1:
        raise RefusedError("format-refused", "body")
    texts = _WRAPPED(root)
    if not (texts or _SECTIONS(root)):
        raise RefusedError("body-missing", "body")
    if not texts:
        return None
    if len(texts) > 1:
        raise RefusedError("format-refused", "body")
    text = texts[0]
    content = "".join(cast("Iterator[str]", text.itertext()))
    return check_content(text.get("mediaType", ""), text.get("representation", ""), content, limit=limits.content)


def _inside(element: Element, fields: Mapping[str, Reach]) -> Mapping[str, list[str]]:
    return {name: _texts(reach(element)) for name, reach in fields.items()}


def _texts(found: list[Any]) -> list[str]:
    """Return texts with single spaces, cut where every rule refuses them anyway."""
    return [_text(one) for one in found[: MOST + 1]]


def _text(found: Any) -> str:
    text = found if isinstance(found, str) else "".join(found.itertext())
    return " ".join(text.split())[: LONGEST + 1]


def _reach(path: str) -> Reach:
    return cast("Reach", etree.XPath(path, namespaces={"h": NAMESPACE}, smart_strings=False))


_FIELDS: Final = {name: _reach(path) for name, path in FIELDS.items()}
_PARTS: Final = [
    (name, (_reach(part.path), {inner: _reach(path) for inner, path in part.fields.items()}))
    for name, part in PARTS.items()
]
_SECTIONS: Final = _reach("h:component/h:structuredBody/h:component/h:section")
_STRUCTURED: Final = _reach("h:component/h:structuredBody")
_UNSTRUCTURED: Final = _reach("h:component/h:nonXMLBody")
_WRAPPED: Final = _reach("h:component/h:nonXMLBody/h:text")
