"""From plain values to metadata: what must be there, what follows, what is refused."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.ingest.domain.documents.entry import UNSPECIFIED_FORMAT, entry_of
from services.ingest.domain.documents.header import Header
from services.ingest.domain.documents.metadata import Coded, DocumentEntry, check_patient, hidden_as_asked
from shared import terminology
from shared.errors import RefusedError
from shared.identity import parse_ins
from tests.fakes.documents import INS, TEST_OID, header_values

NIR = "1.2.250.1.213.1.4.8"
NIA = "1.2.250.1.213.1.4.9"
INS_C = "1.2.250.1.213.1.4.2"
LONG = "x" * 256


def _entry(*, media_type: str | None = None, production: bool = False, **changes: Any) -> DocumentEntry:
    header = Header(*header_values(**changes), media_type)
    return entry_of(header, size=7, sha256="ab", terms=terminology, production=production)


def _refusal(**changes: Any) -> tuple[str, str | None]:
    with pytest.raises(RefusedError) as raised:
        _entry(**changes)
    return raised.value.code, raised.value.field


def _ids(*pairs: tuple[str, str]) -> list[dict[str, list[str]]]:
    return [{"root": [root], "extension": [extension]} for root, extension in pairs]


def test_usual():
    """F27: type, class, format, times and people of a usual header come out by XDS's names."""
    found = _entry()
    assert found.unique_id == "1.2.250.1.999.1^CR-7"
    assert (found.type_code.code, found.class_code) == ("11490-0", "10")
    assert found.format_code == "urn:asip:ci-sis:ldl-ses:2017"
    assert found.creation_time == datetime(2026, 11, 3, 9, 15, tzinfo=UTC)
    assert (found.patient.value, found.patient.oid, found.patient.key_valid) == (INS, TEST_OID, True)
    assert found.source_patient.birth_date == date(1979, 3, 28)
    assert (found.language, found.version, found.confidentiality) == ("fr-FR", 2, ("N",))
    assert (found.mime_type, found.media_type, found.size, found.sha256) == ("text/xml", None, 7, "ab")


def test_silent():
    """An entry that is printed tells nobody's number, name or title."""
    text = repr(_entry())
    assert not any(secret in text for secret in (INS, "EXEMPLE", "ALIX", "MODELE", "Lettre"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"id": []}, ("field-missing", "id")),
        ({"id": _ids(("1.2", "a"), ("1.2", "b"))}, ("field-format", "id")),
        ({"id__root": ["1.2/3"]}, ("field-format", "id")),
        ({"id__root": ["1." * 33]}, ("field-format", "id")),
        ({"id__extension": ["a^b"]}, ("field-format", "id")),
        ({"id__extension": ["x" * 129]}, ("field-format", "id")),
        ({"type": []}, ("field-missing", "type")),
        ({"type": ["ZZZ"]}, ("document-type-unknown", "type")),
        ({"type_system": ["1.2.250.1.213.1.1.4.12"]}, ("document-type-unknown", "type")),
        ({"type": ["11490-0", "REMB"]}, ("field-format", "type")),
        ({"title": []}, ("field-missing", "title")),
        ({"title": [""]}, ("field-missing", "title")),
        ({"title": [LONG]}, ("title-too-long", "title")),
        ({"creation_time": []}, ("field-missing", "creation_time")),
        ({"creation_time": ["20261103101500"]}, ("date-invalid", "creation_time")),
        ({"confidentiality": []}, ("field-missing", "confidentiality")),
        ({"confidentiality": ["X"]}, ("field-range", "confidentiality")),
        ({"confidentiality": ["MASQUE_PS"]}, ("field-range", "confidentiality")),
        ({"language": ["en-US"]}, ("language-refused", "language")),
        ({"language": []}, ("field-missing", "language")),
        ({"version": ["0"]}, ("field-format", "version")),
        ({"version": ["1.0"]}, ("field-format", "version")),
        ({"version": ["9" * 40]}, ("field-format", "version")),
        ({"version": ["٢"]}, ("field-format", "version")),
        ({"service": []}, ("field-missing", "service_start")),
        ({"service__start": []}, ("field-missing", "service_start")),
        ({"service__stop": ["2026"]}, ("date-invalid", "service_stop")),
        ({"author": []}, ("field-missing", "author")),
        ({"author__family": [LONG]}, ("field-range", "author")),
        ({"author": [{}] * 101}, ("field-range", "author")),
        ({"legal_authenticator": []}, ("field-missing", "legal_authenticator")),
        ({"legal_authenticator": [{}, {}]}, ("field-format", "legal_authenticator")),
        ({"custodian": []}, ("field-missing", "custodian")),
        ({"custodian": [{}]}, ("field-missing", "custodian")),
        ({"patient__birth_date": ["1979"]}, ("date-invalid", "patient.birth_date")),
        ({"event": [{"code": ["a"], "system": ["b"]}] * 101}, ("field-range", "event_codes")),
        ({"replaced": _ids(("1.2 3", ""))}, ("field-format", "replaces")),
    ],
)
def test_refused(changes, expected):
    """F27, F28: what a header lacks or gets wrong is refused by a stable code and its place."""
    assert _refusal(**changes) == expected


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([], "patient-missing"),
        (_ids(("1.2.3", INS)), "patient-missing"),
        (_ids(("1.2.250.1.213.1.4.13", INS)), "patient-missing"),
        (_ids((NIR, INS), (NIA, INS)), "patient-several"),
        (_ids((NIR, INS), (NIR, "277076322082910")), "patient-several"),
        (_ids((NIR, "279035121518988")), "ins-key"),
        (_ids((NIR, "27903512151898")), "ins-length"),
        (_ids((NIR, "")), "ins-length"),
        (_ids((INS_C, INS)), "ins-legacy-oid"),
    ],
)
def test_no_patient(found, code):
    """F19: a document names exactly one person, by an INS whose key holds under a real OID."""
    assert _refusal(patient_id=found)[0] == code


def test_patients():
    """F19: other numbers beside the INS are ignored, repetitions count once, a test number may have a wrong key."""
    others = _ids((TEST_OID, INS), (TEST_OID, INS), ("1.2.250.1.213.1.4.13", INS), (INS_C, INS), ("1.2.3", "IPP"))
    found = _entry(patient_id=others)
    assert found.patient.value == INS
    assert str(found.source_patient.identifier) == "1.2.3^IPP"
    assert not _entry(patient_id=_ids((TEST_OID, "221042545611404"))).patient.key_valid
    assert _refusal(patient=[{}, {}])[0] == "patient-several"
    assert _refusal(patient=[])[0] == "patient-missing"


def test_production():
    """F19: a test identity is refused in production."""
    assert _refusal(production=True) == ("ins-test-oid", None)
    assert _entry(production=True, patient_id=_ids((NIR, INS))).patient.oid == NIR


def test_mismatch():
    """A document about somebody else is refused; the same number under another OID is somebody else."""
    found = _entry()
    check_patient(found, parse_ins(INS, TEST_OID, production=False))
    for value, oid in (("277076322082910", TEST_OID), (INS, NIR)):
        with pytest.raises(RefusedError, match="patient-mismatch"):
            check_patient(found, parse_ins(value, oid, production=False))


def test_formats():
    """The format is that of the most special template, of the wrapped file's type, or IHE's word for none."""
    assert _entry(media_type="application/pdf").format_code == "urn:ihe:iti:xds-sd:pdf:2008"
    assert _entry(template=["1.3.6.1.4.1.19376.1.3.3", "1.2.250.1.213.1.1.1.36", "1.9"]).format_code.endswith("hr:2019")
    assert _entry(template=[]).format_code == UNSPECIFIED_FORMAT


def test_uuid_roots():
    """A root may be a UUID and the whole identifier, as real documents have it."""
    parent = "90E1C8EC-F951-4B26-A305-A34848818DD6"
    assert _entry(replaced=[{"root": [parent]}]).replaces == (parent,)
    assert _entry(id=[{"root": ["1.2.3"]}]).unique_id == "1.2.3"
    assert _entry(id=[{"root": ["1.2.3"], "extension": []}]).set_id is None


def test_acts():
    """The main act is the first with a beginning; every act gives its code, each once."""
    acts = [{}, {"start": ["20261028"]}, {"start": ["20261101"]}]
    codes = [{"code": ["a"], "system": ["1"]}, {"code": ["a"], "system": ["1"]}, {"code": ["b"]}]
    found = _entry(service=acts, event=codes)
    assert found.service_start == datetime(2026, 10, 27, 23, tzinfo=UTC)
    assert (found.service_stop, found.practice_setting) == (None, None)
    assert found.event_codes == (Coded("a", "1"),)


def test_hidden_as_asked():
    """F36: what the depositor hides is added to the level, and the refused combination stays refused."""
    assert hidden_as_asked(_entry(confidentiality=["R"]), ["MASQUE_PS"]).confidentiality == ("R", "MASQUE_PS")
    with pytest.raises(RefusedError, match="confidentiality-combination"):
        hidden_as_asked(_entry(), ["MASQUE_PS", "INVISIBLE_PATIENT"])


def test_language_has_no_case():
    """The language is French of France, however its tag is written."""
    assert _entry(language=["FR-fr"]).language == "fr-FR"
