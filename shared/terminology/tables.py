"""Loads the tables of this folder, each once, and looks codes up in them; what they do not hold is None."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Term:
    """A code of a system (an OID) and its French label."""

    code: str
    system: str
    label: str


@dataclass(frozen=True, slots=True)
class DocumentType(Term):
    """A document type of the DMP, and the class that follows from it; the label of one type is not published."""

    class_code: str


def document_type(code: str, system: str) -> DocumentType | None:
    """Return a document type of the DMP."""
    return _types().get((code, system))


def class_of(code: str, system: str) -> str | None:
    """Return the document class that follows from a type (F27); the sender's own is never asked for."""
    found = document_type(code, system)
    return found.class_code if found else None


def class_label(class_code: str) -> str | None:
    """Return what a document class is called in French."""
    return _pairs("class_dmp").get(class_code)


def confidentiality(code: str) -> Term | None:
    """Return a level of confidentiality or visibility; its six codes are unique across their two systems."""
    return _levels().get(code)


def author_specialty(code: str, system: str) -> Term | None:
    """Return an author's profession and specialty."""
    return _terms("author_specialty").get((code, system))


def facility_type(code: str, system: str) -> Term | None:
    """Return a kind of structure: public hospital, surgery, pharmacy."""
    return _terms("facility_type").get((code, system))


def practice_setting(code: str, system: str) -> Term | None:
    """Return a setting of care: hospital, ambulatory, at home."""
    return _terms("practice_setting").get((code, system))


def format_of_template(template: str) -> str | None:
    """Return the formatCode of a structured body that follows a template (an OID)."""
    return _pairs("format_of_template").get(template)


def format_of_media_type(media_type: str) -> str | None:
    """Return the formatCode of an unstructured body."""
    return _pairs("format_of_media_type").get(media_type)


@cache
def _types() -> Mapping[tuple[str, str], DocumentType]:
    types = (DocumentType(code, system, label, kind) for code, system, kind, label in _rows("type_class_dmp"))
    return {(one.code, one.system): one for one in types}


@cache
def _terms(name: str) -> Mapping[tuple[str, str], Term]:
    return {(code, system): Term(code, system, label) for code, system, label in _rows(name)}


@cache
def _levels() -> Mapping[str, Term]:
    return {term.code: term for term in _terms("confidentiality").values()}


@cache
def _pairs(name: str) -> Mapping[str, str]:
    return {row[0]: row[1] for row in _rows(name)}


def _rows(name: str) -> list[list[str]]:
    with (_FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]
