"""The nomenclatures as they were published."""

import csv
from pathlib import Path

import pytest

from shared import terminology

FOLDER = Path(terminology.__file__).parent
LOINC = "2.16.840.1.113883.6.1"
TRE_A05 = "1.2.250.1.213.1.1.4.12"

ROWS = {
    "author_specialty": 391,
    "class_dmp": 11,
    "confidentiality": 6,
    "facility_type": 69,
    "format_of_media_type": 6,
    "format_of_template": 78,
    "practice_setting": 12,
    "type_class_dmp": 102,
}


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.mark.parametrize(("name", "count"), ROWS.items())
def test_tables(name, count):
    """Each table holds the codes of its edition, each once, in every column but for the one label that is missing."""
    rows = _rows(name)
    assert len(rows) == count
    assert len({tuple(row.values())[: 2 if "system" in "".join(row) else 1] for row in rows}) == count
    assert [row for row in rows if not all(row.values())] == [row for row in rows if row.get("type_code") == "11526-1"]


def test_every_table_is_known():
    """No table lies here that no test counts."""
    assert {path.stem for path in FOLDER.glob("*.csv")} == ROWS.keys()


@pytest.mark.parametrize(
    ("code", "system", "kind"),
    [
        ("11488-4", LOINC, "10"),
        ("11490-0", LOINC, "10"),
        ("11502-2", LOINC, "10"),
        ("34874-8", LOINC, "10"),
        ("60568-3", LOINC, "10"),
        ("85208-7", LOINC, "10"),
        ("60591-5", LOINC, "11"),
        ("18761-7", LOINC, "11"),
        ("SYNTH", TRE_A05, "11"),
        ("18748-4", LOINC, "31"),
        ("57833-6", LOINC, "42"),
        ("PRESC-BIO", TRE_A05, "42"),
        ("60593-1", LOINC, "43"),
        ("18776-5", LOINC, "44"),
        ("PROT_ALD", TRE_A05, "44"),
        ("80565-5", LOINC, "45"),
        ("87273-9", LOINC, "52"),
        ("11369-6", LOINC, "52"),
        ("CERT_DECL", TRE_A05, "52"),
        ("REMB", TRE_A05, "60"),
        ("EXPPAT_3", TRE_A05, "90"),
        ("ATTEST-DROITS-AM", TRE_A05, "95"),
    ],
)
def test_class_follows_from_type(code, system, kind):
    """F27: a document's class is that of its type in the DMP's table."""
    assert terminology.class_of(code, system) == kind
    assert terminology.class_label(kind)


@pytest.mark.parametrize(("code", "system"), [("REMB", LOINC), ("11502-2", TRE_A05), ("ZZZ", LOINC), ("", "")])
def test_unknown_type(code, system):
    """F27: a code that its system does not have is unknown."""
    assert terminology.document_type(code, system) is None
    assert terminology.class_of(code, system) is None


def test_every_class_has_a_label():
    """Every class that a type leads to can be shown."""
    kinds = {row["class_code"] for row in _rows("type_class_dmp")}
    assert kinds == {row["code"] for row in _rows("class_dmp")}


def test_confidentiality():
    """The six codes of JDV_J08, and no other."""
    codes = ("N", "R", "V", "MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX")
    assert all(terminology.confidentiality(code) for code in codes)
    masked = terminology.confidentiality("MASQUE_PS")
    assert masked == terminology.Term("MASQUE_PS", "1.2.250.1.213.1.1.4.13", "Masqué aux professionnels de santé")
    assert terminology.confidentiality("n") is None


def test_other_lookups():
    """Specialties, structures, settings and formats are found under their system, and nowhere else."""
    doctor = terminology.author_specialty("G15_10/SM26", "1.2.250.1.213.1.1.4.5")
    assert doctor is not None
    assert doctor.label.startswith("Médecin")
    assert terminology.facility_type("SA01", "1.2.250.1.71.4.2.4")
    assert terminology.practice_setting("AMBULATOIRE", "1.2.250.1.213.1.1.4.9")
    assert terminology.practice_setting("AMBULATOIRE", LOINC) is None
    assert terminology.format_of_template("1.2.250.1.213.1.1.1.36") == "urn:asip:ci-sis:hr:2019"
    assert terminology.format_of_template("1.2.250.1.213.1.1.1.62") is None
    assert terminology.format_of_media_type("application/pdf") == "urn:ihe:iti:xds-sd:pdf:2008"
    assert terminology.format_of_media_type("text/html") is None
