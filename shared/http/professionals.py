"""How Pro Santé Connect describes a professional, read into ours (F23).

The fields and their forms are those that ANS documents and its test professionals carry: codes are written
``code^oid``, and people have one ``SubjectRole`` per profession or know-how.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from shared.errors import CarnetError
from shared.http.identity import TokenError
from shared.identity import Professional, ProfessionalIdError, parse_national_id

ROLE_OID: Final = "1.2.250.1.213.1.1.5.5"
SECTOR_OID: Final = "1.2.250.1.71.4.2.4"
_PROFESSION: Final = re.compile(r"[0-9]{2}")
_SPECIALITY: Final = re.compile(r"[A-Z]{1,4}[0-9]{1,4}")
_MAX_ROLES: Final = 32
_MAX_TEXT: Final = 200


class UserInfoUnavailableError(CarnetError):
    """The issuer does not tell who it is: the caller answers 503, not 403."""


class NoProfessionalError(CarnetError):
    """The caller is known and is nobody who may act as a professional; ``code`` is stable and says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_professional(body: bytes, *, sub: str, production: bool) -> Professional:
    """Return the professional of a UserInfo answer about the token of ``sub``.

    Raise `UserInfoUnavailableError` if it is no such answer, `TokenError` ``userinfo-subject`` if it speaks of
    somebody else, and `NoProfessionalError`: ``professional-id`` for a national id that is none,
    ``profession-missing``, and ``profession-several``, as rights depend on which of the two is at work.
    """
    claims = _claims(body)
    if claims.get("sub") != sub:
        raise TokenError("userinfo-subject")
    codes = [code for code, oid in _coded(claims.get("SubjectRole")) if oid == ROLE_OID]
    return Professional(
        national_id=_national_id(claims.get("SubjectNameID"), production=production),
        profession=_profession(codes),
        speciality=next(filter(_SPECIALITY.fullmatch, codes), None),
        given_name=_text(claims, "given_name") or "",
        family_name=_text(claims, "family_name") or "",
        organisation_id=_text(claims, "SubjectOrganizationID"),
        organisation=_text(claims, "SubjectOrganization"),
        sector=next((code for code, oid in _coded([claims.get("Secteur_Activite")]) if oid == SECTOR_OID), None),
    )


def _claims(body: bytes) -> Mapping[str, Any]:
    try:
        claims = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UserInfoUnavailableError("the issuer's UserInfo is not JSON") from None
    if not isinstance(claims, dict):
        raise UserInfoUnavailableError("the issuer's UserInfo is no object")
    return claims


def _coded(values: Any) -> list[tuple[str, str]]:
    """Return code and OID of each ``code^oid`` in a list; anything else says nothing."""
    if not isinstance(values, list) or len(values) > _MAX_ROLES:
        return []
    split = (value.split("^") for value in values if isinstance(value, str))
    return [(parts[0], parts[1]) for parts in split if len(parts) == 2]


def _national_id(value: Any, *, production: bool) -> str:
    if isinstance(value, str):
        try:
            return parse_national_id(value, production=production)
        except ProfessionalIdError:
            pass
    raise NoProfessionalError("professional-id")


def _profession(codes: list[str]) -> str:
    professions = {code for code in codes if _PROFESSION.fullmatch(code)}
    if not professions:
        raise NoProfessionalError("profession-missing")
    if len(professions) > 1:
        raise NoProfessionalError("profession-several")
    return professions.pop()


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    """Return a text, cut to what a trace may hold; control characters make it none."""
    value = claims.get(name)
    return value[:_MAX_TEXT] if isinstance(value, str) and value and value.isprintable() else None
