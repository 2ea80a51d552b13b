"""Every official example document, read in the reader's own process: right metadata, or the right refusal."""

import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.ingest.adapters.reader_process import ReaderProcess
from services.ingest.domain.documents.metadata import DocumentEntry
from shared import terminology
from shared.errors import RefusedError

CORPUS = Path(os.environ.get("CARNET_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus") / "cda"

TEST = "1.2.250.1.213.1.4.10"
NIR = "1.2.250.1.213.1.4.8"
WOMAN = "279035121518989"
CI_SIS = "1.2.250.1.213.1.1.1"


def at(*parts: int) -> datetime:
    """Give an instant in UTC."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@dataclass(frozen=True)
class Expected:
    """What a file says, read in its XML by eye."""

    type_code: str
    class_code: str
    unique_id: str
    title: str
    created: datetime
    format_code: str
    version: int = 1
    replaces: tuple[str, ...] = ()
    media_type: str | None = None
    events: int = 1
    ins: str = WOMAN
    oid: str = TEST
    key_valid: bool = True
    authors: tuple[str, ...] = ("8",)
    """How the authors' numbers begin: 8 is a professional's RPPS, 5 a structure's SIRET, 0 an older one."""
    device: bool = False


EXPECTED: dict[str, Expected | str] = {
    "BIO-CR-BIO_2021.01_Auto-Presentable.xml": "cda-root",
    "BIO-CR-BIO_2021.01_CDA-R2-Niveau-1.xml": Expected(
        "11502-2", "10", f"{CI_SIS}.55.2021.3.1", "Compte rendu d'examens bio", at(2021, 1, 4, 15, 5, 27),
        "urn:ihe:iti:xds-sd:pdf:2008", media_type="application/pdf",
    ),
    "BIO-CR-BIO_2024.01_Microbiologie_V1.xml": Expected(
        "11502-2", "10", f"{CI_SIS}.55.2024.8.1", "Compte rendu d'examens bio", at(2024, 1, 4, 15, 5, 27),
        "urn:ihe:lab:xd-lab:2008",
    ),
    "BIO-CR-BIO_2024.01_Microbiologie_V2.xml": Expected(
        "11502-2", "10", f"{CI_SIS}.55.2024.8.2", "Compte rendu d'examens bio", at(2024, 1, 4, 15, 5, 27),
        "urn:ihe:lab:xd-lab:2008", version=2, replaces=(f"{CI_SIS}.55.2024.8.1",),
    ),
    "CNAM-HR_2021.01.xml": Expected(
        "REMB", "60", f"{CI_SIS}.36.2021.1.1", "Données de remboursement", at(2019, 7, 1, 15, 49),
        "urn:asip:ci-sis:hr:2019", events=0, authors=("5",), device=True,
    ),
    "CNAM-HR_2021.01_sans-info.xml": Expected(
        "REMB", "60", f"{CI_SIS}.36.2021.2.1", "Données de remboursement", at(2019, 7, 1, 15, 49),
        "urn:asip:ci-sis:hr:2019", version=2, replaces=("1.2.250.1.213.1.1.9^10002-1",), events=0, authors=("5",),
        device=True,
    ),
    "CSE-CS9_2025.01.xml": Expected(
        "CERT_DECL", "52", f"{CI_SIS}.5.2.12345.2", "Deuxième certificat de santé", at(2021, 2, 11, 8, 49, 14),
        "urn:asip:ci-sis:cse-cs9:2017", ins="221042545611404", key_valid=False,
    ),
    "DLU-FR-SU_2025.01.xml": "document-type-unknown",  # 60280-5 has no class in the DMP's published table
    "DOC_NON_STRUCTURE_CDA-R2-N1.xml": Expected(
        "11502-2", "10", "1.3.6.1.4.1.19376.1.2.20.12345.1.1", "Compte rendu d'examens bio", at(2021, 4, 1, 12, 47, 45),
        "urn:ihe:iti:xds-sd:pdf:2008", media_type="application/pdf",
    ),
    "IMG_CR_IMG_2024.01.xml": Expected(
        "18748-4", "31", f"{CI_SIS}.45.2024.1.1", "CR d\u2019imagerie médicale - S", at(2021, 1, 8, 10, 17),
        "urn:ihe:rad:CDA:ImagingReportStructuredHeadings:2013", version=2,
        replaces=("90E1C8EC-F951-4B26-A305-A34848818DD6",), events=4,
    ),
    "IPS-FR_2024.01.xml": Expected(
        "60591-5", "11", f"{CI_SIS}.51.2024.1.1", "SYNTHESE MEDICALE", at(2024, 4, 2, 10, 17),
        "urn:ihe:pcc:ips:2020", version=2, replaces=("8D5E778C-E155-4685-95C6-5FF65A362964",), events=0,
    ),
    "LDL-EES_2022.01.xml": Expected(
        "18761-7", "11", f"{CI_SIS}.21.2022.1.1", "Lettre de liaison à l'entr", at(2019, 10, 29, 10, 17),
        "urn:asip:ci-sis:ldl-ees:2017",
    ),
    "LDL-SES_2022.01.xml": Expected(
        "11490-0", "10", f"{CI_SIS}.29.2022.1.1", "Lettre de liaison à la sor", at(2019, 12, 3, 12, 30),
        "urn:asip:ci-sis:ldl-ses:2017",
    ),
    "OPH-CR-RTN_2022.01.xml": Expected(
        "75492-9", "10", f"{CI_SIS}.18.2022.1.1", "Ophtalmologie - Compte-ren", at(2021, 11, 4, 15, 5, 28),
        "urn:asip:ci-sis:crrtn:2013", authors=("0",),
    ),
    "SDM-MR_2025.01_nouveau-ne.xml": Expected(
        "34133-9", "11", f"{CI_SIS}.30.2024.1.1", "Set de données minimum mal", at(2024, 2, 28, 15),
        "urn:asip:ci-sis:sdm-mr:2017", version=2, ins="224027511583555", key_valid=False,
    ),
    "TLM-CR_2022.01.xml": Expected(
        "85208-7", "10", "1.3.6.1.4.1.19376.1.2.20.2022.1.1", "Compte-rendu de téléconsul", at(2020, 3, 27, 14, 35),
        "urn:ihe:iti:xds-sd:pdf:2008", media_type="application/pdf", events=2,
    ),
    "VAC_2023.01.xml": Expected(
        "11369-6", "52", f"{CI_SIS}.37.2023.1.1", "Historique de vaccinations", at(2021, 4, 9, 16),
        "urn:asip:ci-sis:vac:2019",
    ),
    "VSM_1.4_2022.01.xml": Expected(
        "SYNTH", "11", f"{CI_SIS}.13.2022.1.1", "Synthèse Médicale", at(2020, 3, 12, 10, 17),
        "urn:asip:ci-sis:vsm:2012",
    ),
    "eDISP-MED_2024.01.xml": Expected(
        "60593-1", "43", f"{CI_SIS}.54.2024.1.1", "Dispensation médicamenteus", at(2024, 12, 25, 8, 30),
        "urn:ihe:pharm:dis:2010", ins="277076322082910", oid=NIR, authors=("5", "8"), device=True,
    ),
    "eP-MED-DM_2024.01_PosoStruct.xml": Expected(
        "57833-6", "42", f"{CI_SIS}.39.2024.2.1", "Prescription de médicament", at(2023, 12, 1, 8, 30),
        "urn:ihe:pharm:pre:2010", events=8,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What became of a file."""

    result: DocumentEntry | str
    milliseconds: float
    size: int


@pytest.fixture(scope="module")
async def outcomes() -> AsyncIterator[dict[str, Outcome]]:
    """Read every file once, one after another."""
    if not CORPUS.is_dir():
        pytest.skip(f"no official documents in {CORPUS}: set CARNET_CORPUS to the folder that holds cda/")
    async with ReaderProcess(terms=terminology, production=False) as reader:
        yield {path.name: await _outcome(reader, path.read_bytes()) for path in sorted(CORPUS.glob("*.xml"))}


async def _outcome(reader: ReaderProcess, body: bytes) -> Outcome:
    began = time.perf_counter()
    try:
        result: DocumentEntry | str = await reader.read(body)
    except RefusedError as refusal:
        result = refusal.code
    return Outcome(result, (time.perf_counter() - began) * 1000, len(body))


def test_no_file_is_left_out(outcomes, capsys):
    """Every file of the corpus has a line in the table of this test, and the table is printed."""
    with capsys.disabled():
        print("\n" + "\n".join(_line(name, outcome) for name, outcome in outcomes.items()))  # noqa: T201
    assert outcomes.keys() == EXPECTED.keys()


def _line(name: str, outcome: Outcome) -> str:
    found = outcome.result
    measured = f"{name:42} {outcome.size:>9,} B {outcome.milliseconds:7.1f} ms  "
    if isinstance(found, str):
        return f"{measured}refused: {found}"
    kind = found.media_type or "sections"
    return (
        f"{measured}{found.type_code.code:9} class {found.class_code}  v{found.version}  {kind:15}  "
        f"{found.creation_time:%Y-%m-%d}  {found.unique_id}" + "".join(f"  replaces {one}" for one in found.replaces)
    )


@pytest.mark.parametrize("name", EXPECTED)
def test_file(name, outcomes):
    """F26, F27, F30: a real document gives its id, its type and class, its patient, its times and what it replaces."""
    found, expected = outcomes[name].result, EXPECTED[name]
    if isinstance(expected, str):
        assert found == expected
        return
    assert isinstance(found, DocumentEntry), found
    assert (found.type_code.code, found.class_code) == (expected.type_code, expected.class_code)
    assert (found.unique_id, found.replaces) == (expected.unique_id, expected.replaces)
    assert found.title.startswith(expected.title)
    assert found.creation_time == expected.created
    assert (found.patient.value, found.patient.oid) == (expected.ins, expected.oid)
    assert found.patient.key_valid is expected.key_valid
    assert (found.format_code, found.media_type) == (expected.format_code, expected.media_type)
    assert (found.version, len(found.event_codes)) == (expected.version, expected.events)
    assert (found.confidentiality, found.language) == (("N",), "fr-FR")
    numbers = [str(one.identifier.extension) for one in found.authors if one.identifier]
    assert tuple(number[0] for number in numbers) == expected.authors
    assert any(one.device for one in found.authors) is expected.device
    assert found.practice_setting
    assert found.facility_type
    assert terminology.practice_setting(found.practice_setting.code, found.practice_setting.system)
    assert terminology.facility_type(found.facility_type.code, found.facility_type.system)
    assert (found.size, len(found.sha256)) == (outcomes[name].size, 64)
    traits = found.source_patient
    assert all((traits.birth_name, traits.given_names, traits.birth_date, traits.sex, traits.birth_place))


def test_times_of_acts(outcomes):
    """The main act's period is read where a document says it: a year's half, a stay, an open prescription."""
    period = {
        name: (outcome.result.service_start, outcome.result.service_stop)
        for name, outcome in outcomes.items()
        if isinstance(outcome.result, DocumentEntry)
    }
    assert period["CNAM-HR_2021.01.xml"] == (at(2019, 1, 1, 14, 45), at(2019, 7, 1, 14, 45))
    assert period["LDL-SES_2022.01.xml"] == (at(2019, 10, 29, 10, 17), at(2019, 12, 3, 12, 30))
    assert period["eP-MED-DM_2024.01_PosoStruct.xml"] == (at(2023, 12, 1, 8, 10), at(2024, 7, 30, 8, 10))
    assert period["TLM-CR_2022.01.xml"] == (at(2020, 3, 27, 14, 45), None)
