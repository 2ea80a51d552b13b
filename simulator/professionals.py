"""UserInfo as Pro Santé Connect answers it, with the fields and codes of its published test professionals."""

from collections import OrderedDict
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from shared.http.problems import Problem

ROLE_OID: Final = "1.2.250.1.213.1.1.5.5"
SECTOR_OID: Final = "1.2.250.1.71.4.2.4"
MAX_KNOWN: Final = 50_000

_Text = Annotated[str, Field(min_length=1, max_length=200)]


class ProfessionalIn(BaseModel):
    """A professional to be; the defaults are ANS's own test physician KIT DOC0036624."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    national_id: _Text = "899700366240"
    profession: Annotated[str, Field(pattern=r"^[0-9]{2}$")] | None = "10"
    """None: somebody with an account and no profession."""
    speciality: Annotated[str, Field(pattern=r"^[A-Z]{1,4}[0-9]{1,4}$")] | None = None
    given_name: _Text = "KIT"
    family_name: _Text = "DOC0036624"
    organisation_id: _Text = "R95141"
    organisation: _Text = "CABINET M DOC0036624"
    sector: _Text = "SA07"


class Register:
    """Who asked for a professional's token, by ``sub``; the last to ask counts."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, ProfessionalIn] = OrderedDict()

    def note(self, sub: str, who: ProfessionalIn | None) -> None:
        """Remember a professional."""
        if who is None:
            return
        self._known[sub] = who
        self._known.move_to_end(sub)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)

    def userinfo(self, sub: str) -> dict[str, Any]:
        """Return what is said of somebody; a 401 problem for whoever is not known."""
        if sub not in self._known:
            raise Problem(401)
        return userinfo(sub, self._known[sub])


def userinfo(sub: str, who: ProfessionalIn) -> dict[str, Any]:
    """Return what Pro Santé Connect says of a professional."""
    codes = [code for code in (who.profession, who.speciality) if code is not None]
    return {
        "sub": sub,
        "preferred_username": who.national_id,
        "SubjectNameID": who.national_id,
        "given_name": who.given_name,
        "family_name": who.family_name,
        "SubjectRole": [f"{code}^{ROLE_OID}" for code in codes],
        "Secteur_Activite": f"{who.sector}^{SECTOR_OID}",
        "SubjectOrganization": who.organisation,
        "SubjectOrganizationID": who.organisation_id,
        "Mode_Acces_Raison": "",
        "Acces_Regulation_Medicale": "FAUX",
        "Palier_Authentification": "APPPRIP3^1.2.250.1.213.1.5.1.1.1",
        "PSI_Locale": "1.2.250.1.213.1.3.1.1",
        "UITVersion": "1.0",
        "otherIds": [{"identifiant": who.national_id, "origine": "RPPS", "qualite": 1}],
        "SubjectRefPro": {"exercices": [_practice(who)] if who.profession else []},
        "acr": "eidas1",
    }


def _practice(who: ProfessionalIn) -> dict[str, Any]:
    activity = {
        "codeModeExercice": "L",
        "codeSecteurDactivite": who.sector,
        "numeroFinessSite": "",
        "raisonSocialeSite": who.organisation,
    }
    return {
        "codeProfession": who.profession,
        "codeCategorieProfessionnelle": "C",
        "codeSavoirFaire": who.speciality or "",
        "activities": [activity],
    }
