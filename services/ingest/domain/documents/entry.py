"""From a header to a DocumentEntry: what must be there, what follows from what, and what is refused."""

from datetime import datetime
from typing import Final, Protocol

from services.ingest.domain.documents.confidentiality import check_level
from services.ingest.domain.documents.header import LONGEST, Header, Values
from services.ingest.domain.documents.metadata import MIME_TYPE, Coded, DocumentEntry, Organization, Party
from services.ingest.domain.documents.patient import patient_of
from services.ingest.domain.documents.texts import (
    coded,
    identifier,
    identifiers,
    limited,
    needed,
    one,
    organization,
    several,
)
from services.ingest.domain.documents.times import instant_of, moment_of
from shared.errors import RefusedError

LANGUAGE: Final = "fr-FR"
"""The only one in a DMP."""
UNSPECIFIED_FORMAT: Final = "urn:ihe:iti:xds:2017:mimeTypeSufficient"
"""IHE's formatCode where no profile says more than the MIME type."""
_HIGHEST: Final = 1_000_000


class Terms(Protocol):
    """The nomenclatures that the rules ask: `shared.terminology`; None is what they do not hold."""

    def class_of(self, code: str, system: str) -> str | None:
        """Return the class that follows from a document type."""

    def format_of_template(self, template: str) -> str | None:
        """Return the formatCode of a structured body."""

    def format_of_media_type(self, media_type: str) -> str | None:
        """Return the formatCode of an unstructured body."""


def entry_of(header: Header, *, size: int, sha256: str, terms: Terms, production: bool) -> DocumentEntry:
    """Return the metadata of a document whose header was read; the sender's own class is never asked for (F27)."""
    fields = header.fields
    unique = identifiers(header.parts.get("id", ()), "id")
    if len(unique) != 1:
        raise RefusedError("field-format" if unique else "field-missing", "id")
    type_code, class_code = _type(fields, terms)
    patient, source_patient = patient_of(header, production=production)
    start, stop, setting = _service(header)
    sets = identifiers(header.parts.get("set", ()), "set_id")
    return DocumentEntry(
        unique_id=str(unique[0]),
        type_code=type_code,
        class_code=class_code,
        format_code=_format(header, terms),
        title=_title(fields),
        creation_time=instant_of(needed(fields, "creation_time", "creation_time"), "creation_time"),
        confidentiality=(check_level(needed(fields, "confidentiality", "confidentiality"), "confidentiality"),),
        patient=patient,
        source_patient=source_patient,
        authors=_authors(header),
        legal_authenticator=_legal_authenticator(header),
        custodian=_custodian(header),
        service_start=start,
        service_stop=stop,
        practice_setting=setting,
        facility_type=coded(fields, "facility_type", "facility_type"),
        event_codes=_events(header),
        replaces=tuple(str(target) for target in identifiers(header.parts.get("replaced", ()), "replaces")),
        set_id=str(sets[0]) if sets else None,
        version=_version(fields),
        language=_language(fields),
        mime_type=MIME_TYPE,
        media_type=header.media_type,
        size=size,
        sha256=sha256,
    )


def _type(fields: Values, terms: Terms) -> tuple[Coded, str]:
    code, system = needed(fields, "type", "type"), needed(fields, "type_system", "type")
    class_code = terms.class_of(code, system)
    if class_code is None:
        raise RefusedError("document-type-unknown", "type")
    return Coded(code, system, one(fields, "type_label", "type")), class_code


def _format(header: Header, terms: Terms) -> str:
    """A document names its general templates first and the most special one last."""
    if header.media_type is not None:
        return terms.format_of_media_type(header.media_type) or UNSPECIFIED_FORMAT
    templates = several(header.fields, "template", "template")
    formats = [code for template in templates if (code := terms.format_of_template(template)) is not None]
    return formats[-1] if formats else UNSPECIFIED_FORMAT


def _title(fields: Values) -> str:
    if any(len(title) > LONGEST for title in fields.get("title", ())):
        raise RefusedError("title-too-long", "title")
    return needed(fields, "title", "title")


def _language(fields: Values) -> str:
    """Language tags have no case (RFC 5646)."""
    if needed(fields, "language", "language").lower() != LANGUAGE.lower():
        raise RefusedError("language-refused", "language")
    return LANGUAGE


def _version(fields: Values) -> int:
    text = one(fields, "version", "version") or "1"
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _HIGHEST):
        raise RefusedError("field-format", "version")
    return int(text)


def _service(header: Header) -> tuple[datetime, datetime | None, Coded | None]:
    """The main act is the first that has a beginning; the others only give their codes."""
    for act in limited(header.parts.get("service", ()), "service"):
        if start := one(act, "start", "service_start"):
            stop = one(act, "stop", "service_stop")
            begun, ended = moment_of(start, "service_start"), stop and moment_of(stop, "service_stop")
            return begun, ended or None, coded(act, "practice_setting", "practice_setting")
    raise RefusedError("field-missing", "service_start")


def _events(header: Header) -> tuple[Coded, ...]:
    found = [
        Coded(code, system, one(event, "label", "event_codes"))
        for event in limited(header.parts.get("event", ()), "event_codes")
        if (code := one(event, "code", "event_codes")) and (system := one(event, "system", "event_codes"))
    ]
    return tuple(dict.fromkeys(found))


def _authors(header: Header) -> tuple[Party, ...]:
    authors = limited(header.parts.get("author", ()), "author")
    if not authors:
        raise RefusedError("field-missing", "author")
    return tuple(_party(author, "author") for author in authors)


def _legal_authenticator(header: Header) -> Party:
    found = header.parts.get("legal_authenticator", ())
    if len(found) != 1:
        raise RefusedError("field-format" if found else "field-missing", "legal_authenticator")
    return _party(found[0], "legal_authenticator")


def _party(values: Values, place: str) -> Party:
    return Party(
        identifier=identifier(values, place),
        family=one(values, "family", place),
        given=one(values, "given", place),
        device=one(values, "device", place),
        specialty=coded(values, "specialty", place),
        organization=organization(values, place),
    )


def _custodian(header: Header) -> Organization:
    found = [organization(part, "custodian") for part in limited(header.parts.get("custodian", ()), "custodian")]
    if len(found) != 1 or found[0] is None:
        raise RefusedError("field-format" if len(found) > 1 else "field-missing", "custodian")
    return found[0]
