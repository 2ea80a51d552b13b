"""What clinical documents say: sections with entries for machines (N3), or lines of a PDF (N1), all invented."""

from base64 import encodebytes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final, NamedTuple, TypeAlias

from simulator.clinic_pdf import pdf
from simulator.clinic_xml import ATC, LOINC, coded, day, element, paragraphs, said, section, table

_ACTS: Final = "2.16.840.1.113883.5.4"


class Analysis(NamedTuple):
    """An analysis of biology: LOINC code, label, unit, usual range in hundredths."""

    code: str
    label: str
    unit: str
    low: int
    high: int


class Drug(NamedTuple):
    """A medicine: ATC code, name, how it is taken."""

    code: str
    label: str
    use: str
    days: int


ANALYSES: Final = (
    Analysis("718-7", "Hémoglobine", "g/dL", 1200, 1700),
    Analysis("6690-2", "Leucocytes", "10*3/uL", 400, 1000),
    Analysis("777-3", "Plaquettes", "10*3/uL", 15000, 40000),
    Analysis("14749-6", "Glucose à jeun", "mmol/L", 390, 610),
    Analysis("14682-9", "Créatinine", "umol/L", 5000, 11000),
    Analysis("14647-2", "Cholestérol total", "mmol/L", 350, 520),
    Analysis("3016-3", "TSH", "mU/L", 40, 400),
    Analysis("1988-5", "Protéine C réactive", "mg/L", 10, 500),
    Analysis("4548-4", "Hémoglobine glyquée", "%", 400, 600),
)
DRUGS: Final = (
    Drug("N02BE01", "Paracétamol 1 g, comprimé", "1 comprimé 3 fois par jour si douleur", 5),
    Drug("J01CA04", "Amoxicilline 1 g, comprimé dispersible", "1 comprimé matin et soir", 7),
    Drug("C09AA05", "Ramipril 5 mg, comprimé", "1 comprimé le matin", 90),
    Drug("C10AA05", "Atorvastatine 20 mg, comprimé", "1 comprimé le soir", 90),
    Drug("A10BA02", "Metformine 1000 mg, comprimé", "1 comprimé au dîner", 90),
    Drug("R03AC02", "Salbutamol 100 µg, suspension pour inhalation", "2 bouffées si gêne respiratoire", 30),
    Drug("A02BC01", "Oméprazole 20 mg, gélule", "1 gélule le soir", 28),
)
VACCINES: Final = (
    Drug("J07BB02", "Vaccin grippal inactivé", "voie intramusculaire, deltoïde gauche", 0),
    Drug("J07CA02", "Vaccin diphtérie, tétanos, coqueluche, poliomyélite", "voie intramusculaire, deltoïde droit", 0),
    Drug("J07AL02", "Vaccin pneumococcique conjugué", "voie intramusculaire, deltoïde gauche", 0),
)
_REASONS: Final = ("fièvre et toux depuis trois jours", "douleurs lombaires", "suivi de l'hypertension", "fatigue")
_FINDINGS: Final = ("auscultation sans particularité", "tension artérielle 13/8", "examen neurologique normal")
_STAYS: Final = ("pneumopathie franche lobaire", "pose de prothèse de hanche", "décompensation d'un diabète")


@dataclass(frozen=True, slots=True)
class Matter:
    """What a document is written on: the dice, the day, what was done, and whether it corrects another one."""

    rng: Random
    day: date
    act: str
    about: str
    """The person, in a line."""
    signed: str
    """The author, in a line."""
    correction: bool = False


Write: TypeAlias = Callable[[Matter], str]
"""Returns a body: ``structuredBody`` or ``nonXMLBody``."""


def consultation(matter: Matter) -> str:
    """A report of a consultation, as a PDF."""
    reason, finding = matter.rng.choice(_REASONS), matter.rng.choice(_FINDINGS)
    lines = [f"Consultation du {matter.day:%d/%m/%Y}", "", f"Motif : {reason}.", f"Examen : {finding}."]
    return _wrapped(matter, "Compte rendu de consultation", [*lines, "", "Conduite à tenir : revoir si besoin."])


def imaging(matter: Matter) -> str:
    """A report of medical imaging, as a PDF."""
    lines = [f"Examen du {matter.day:%d/%m/%Y}", matter.act, "", "Résultat : pas d'anomalie décelable."]
    return _wrapped(matter, "Compte rendu d'imagerie médicale", lines)


def biology(matter: Matter) -> str:
    """Results of biology, each for people in a table and for machines as an observation."""
    found = [(each, _measured(matter.rng, each)) for each in matter.rng.sample(ANALYSES, matter.rng.randint(3, 7))]
    rows = [(a.label, _shown(value, a), f"{_shown(a.low, a)} à {_shown(a.high, a)}") for a, value in found]
    entries = [_observation(analysis, value, matter.day) for analysis, value in found]
    name = {"code": "18719-5", "label": "Biochimie"}
    return _structured(matter, section("Résultats", table(_HEADS, rows), *entries, code=name))


def prescription(matter: Matter) -> str:
    """A prescription of medicines, each with an entry."""
    drugs = matter.rng.sample(DRUGS, matter.rng.randint(1, 4))
    rows = [(drug.label, drug.use, f"{drug.days} jours") for drug in drugs]
    entries = [_administration(drug, matter.day, "INT", "DRUG") for drug in drugs]
    narrative = table(("Médicament", "Posologie", "Durée"), rows)
    name = {"code": "57828-6", "label": "Prescriptions"}
    return _structured(matter, section("Prescription de médicaments", narrative, *entries, code=name))


def discharge(matter: Matter) -> str:
    """A letter at the end of a stay in hospital, in sections."""
    treatment = matter.rng.sample(DRUGS, 2)
    sections = (
        section("Motif de l'hospitalisation", paragraphs(f"Hospitalisation pour {matter.rng.choice(_STAYS)}.")),
        section("Synthèse médicale du séjour", paragraphs("Évolution favorable sous traitement, sortie à domicile.")),
        section(
            "Traitements à la sortie",
            table(("Médicament", "Posologie"), ((drug.label, drug.use) for drug in treatment)),
            *(_administration(drug, matter.day, "INT", "DRUG") for drug in treatment),
        ),
    )
    return _structured(matter, *sections)


def vaccination(matter: Matter) -> str:
    """A note of a vaccination, with its entry and lot."""
    vaccine, lot = matter.rng.choice(VACCINES), f"L{matter.rng.randrange(10**6):06d}"
    rows = [(f"{matter.day:%d/%m/%Y}", vaccine.label, lot, vaccine.use)]
    entry = _administration(vaccine, matter.day, "EVN", "INITIMMUNIZ", lot)
    return _structured(matter, section("Vaccination", table(("Date", "Vaccin", "Lot", "Voie"), rows), entry))


_HEADS: Final = ("Analyse", "Résultat", "Valeurs usuelles")


def _structured(matter: Matter, *sections: str) -> str:
    noted = section("Note", paragraphs("Ce document corrige et remplace le précédent.")) if matter.correction else ""
    return element("structuredBody", *sections, noted)


def _wrapped(matter: Matter, title: str, lines: Sequence[str]) -> str:
    noted = ["", "Ce document corrige et remplace le précédent."] if matter.correction else []
    content = encodebytes(pdf(title, [matter.about, "", *lines, *noted, "", "", matter.signed])).decode()
    return element("nonXMLBody", said("text", content, mediaType="application/pdf", representation="B64"))


def _measured(rng: Random, analysis: Analysis) -> int:
    """Return a value in hundredths, now and then outside the usual range."""
    margin = (analysis.high - analysis.low) // 8
    return rng.randint(max(analysis.low - margin, 1), analysis.high + margin)


def _decimal(hundredths: int) -> str:
    return f"{hundredths / 100:g}"


def _shown(hundredths: int, analysis: Analysis) -> str:
    """Return a value as French people read it; the entry beside it has the unit in UCUM."""
    unit = analysis.unit.replace("10*3", "10³").replace("u", "µ").replace("mU", "mUI")
    return f"{_decimal(hundredths)} {unit}".replace(".", ",")


def _observation(analysis: Analysis, value: int, on: date) -> str:
    measured = element("value", xsi_type="PQ", value=_decimal(value), unit=analysis.unit)
    return element(
        "observation",
        coded(analysis.code, LOINC, analysis.label),
        element("statusCode", code="completed"),
        element("effectiveTime", value=day(on)),
        measured,
        classCode="OBS",
        moodCode="EVN",
    )


def _administration(drug: Drug, on: date, mood: str, kind: str, lot: str | None = None) -> str:
    until = element("high", value=day(on + timedelta(days=drug.days)))
    period = element("effectiveTime", element("low", value=day(on)), until, xsi_type="IVL_TS")
    material = element(
        "manufacturedMaterial",
        coded(drug.code, ATC, drug.label),
        said("name", drug.label),
        said("lotNumberText", lot) if lot else "",
    )
    return element(
        "substanceAdministration",
        coded(kind, _ACTS, "Administration"),
        said("text", drug.use),
        element("statusCode", code="completed"),
        period if drug.days else element("effectiveTime", value=day(on)),
        element("consumable", element("manufacturedProduct", material)),
        classCode="SBADM",
        moodCode=mood,
    )
