"""CDA R2 as text: elements, codes and times, in the order and the forms of the CI-SIS."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Final
from xml.sax.saxutils import escape, quoteattr

LOINC: Final = "2.16.840.1.113883.6.1"
ATC: Final = "2.16.840.1.113883.6.73"
CCAM: Final = "1.2.250.1.213.2.5"
UCUM_NONE: Final = "1"


def element(name: str, *children: str, **attributes: str | None) -> str:
    """Return an element of markup that is ready; an attribute that is None is left out, ``xsi_type`` has a colon."""
    given = ((key.replace("xsi_", "xsi:").rstrip("_"), value) for key, value in attributes.items())
    head = name + "".join(f" {key}={quoteattr(value)}" for key, value in given if value is not None)
    inner = "".join(children)
    return f"<{head}>{inner}</{name}>" if inner else f"<{head}/>"


def said(name: str, text: str, **attributes: str | None) -> str:
    """Return an element that holds text."""
    return element(name, escape(text), **attributes)


def coded(code: str, system: str, label: str, name: str = "code", **attributes: str | None) -> str:
    """Return a coded value."""
    return element(name, code=code, codeSystem=system, displayName=label, **attributes)


def identifier(root: str, extension: str | None = None) -> str:
    """Return an instance identifier."""
    return element("id", root=root, extension=extension)


def instant(moment: datetime) -> str:
    """Return HL7's way of writing an instant, with its offset."""
    return moment.strftime("%Y%m%d%H%M%S%z")


def day(value: date) -> str:
    """Return HL7's way of writing a day."""
    return value.strftime("%Y%m%d")


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of a section's narrative."""
    head = element("thead", element("tr", *(said("th", text) for text in heads)))
    body = element("tbody", *(element("tr", *(said("td", text) for text in row)) for row in rows))
    return element("table", head, body, border="1")


def section(title: str, narrative: str, *entries: str, code: Mapping[str, str] | None = None) -> str:
    """Return a section: what people read, and for machines the entries that say the same."""
    inner = (
        coded(code["code"], LOINC, code["label"]) if code else "",
        said("title", title),
        element("text", narrative),
        *(element("entry", each) for each in entries),
    )
    return element("component", element("section", *inner))


def paragraphs(*texts: str) -> str:
    """Return paragraphs of a narrative."""
    return "".join(said("paragraph", text) for text in texts)
