"""What insurers publish on `upstream`: strict, in clear inside TLS, one event per settled line or person.

Amounts are integers in euro cents. The event's ``id`` is the insurer's own key, ``flux/line``; its
``source`` is ``/insurers/<code>``. Unknown fields are refused: a sender must not believe that something
it sent was kept when it was not.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.event import Data, Day, Event

Cents = Annotated[int, Field(strict=True, ge=-100_000_000, le=100_000_000)]
"""Euro cents, at most a million euros either way."""

Text = Annotated[str, Field(strict=True, min_length=1, max_length=120)]
Code = Annotated[str, Field(strict=True, min_length=1, max_length=20, pattern=r"^[A-Z0-9.-]+$")]
Reference = Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9/][A-Za-z0-9._:/|-]*$")]
"""Another event's name. It is passed on in clear, so it has an id's form: no place for a person's name."""

Digits = Annotated[str, Field(strict=True, min_length=1, max_length=15, pattern=r"^[0-9]+$")]

Regime = Literal["RG", "MSA", "MGEN", "OTHER"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class StrictData(Data):
    """A payload from outside: unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class UpstreamEvent(Event):
    """An envelope from outside: unknown attributes are refused, and it has no subject yet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: None = None
    correlationid: Reference | None = None
    causationid: Reference | None = None


class InsIdentifier(_Strict):
    """An INS: the matricule (NIR or NIA, key included) and the OID of its kind."""

    value: Annotated[str, Field(max_length=64)]
    oid: Annotated[str, Field(max_length=64)]


class Traits(_Strict):
    """The five strict traits of the national identity repository (RNIV), as INSi gives them."""

    birth_name: Text
    given_names: Annotated[list[Text], Field(min_length=1, max_length=12)]
    birth_date: Day
    sex: Literal["M", "F"]
    birth_place: Annotated[str, Field(pattern=r"^[0-9][0-9AB][0-9]{3}$")]


class BeneficiaryV1Data(StrictData):
    """A person whom an insurer covers, at a version that the insurer counts."""

    version: Annotated[int, Field(ge=1, le=1_000_000_000)]
    ins: InsIdentifier
    identity_status: Literal["QUALIFIED", "VALIDATED", "RETRIEVED", "PROVISIONAL"]
    traits: Traits
    used_name: Text | None = None
    address: Annotated[list[Annotated[str, Field(min_length=1, max_length=38)]], Field(min_length=1, max_length=7)]
    department: Annotated[str, Field(pattern=r"^([0-9]{2}|2A|2B|97[1-8]|98[6-8])$")]
    email: Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    regime: Regime
    caisse: Digits
    holder_nir: Annotated[str, Field(max_length=15)]
    dmp_created_on: Day | None = None


class BeneficiaryRegisteredV1(UpstreamEvent):
    """An insurer registers a person, or tells a change of one it registered before."""

    TYPE: ClassVar[str] = "beneficiary.registered.v1"
    type: Literal["beneficiary.registered.v1"] = "beneficiary.registered.v1"
    data: BeneficiaryV1Data


class Act(_Strict):
    """What was done or delivered, in the nomenclature of its family; ``nature`` is DCIR's PRS_NAT_REF."""

    family: Literal["NGAP", "CCAM", "CIP13", "UCD", "LPP", "NABM", "GHS"]
    code: Code
    label: Text
    nature: Annotated[int, Field(ge=0, le=99_999)]


class Performer(_Strict):
    """A professional as the invoice names one: national id, name, speciality, structure."""

    id_nat: Annotated[str, Field(max_length=40, pattern=r"^[0-9]+$")]
    name: Text
    speciality: Code | None = None
    finess: Annotated[str, Field(max_length=9)] | None = None


class ReimbursementV1Data(StrictData):
    """One settled reimbursement line, with the amounts of DCIR's ER_PRS_F (domain of the SNDS)."""

    flux: Annotated[str, Field(max_length=60, pattern=r"^[A-Za-z0-9._-]+$")]
    line: Annotated[int, Field(ge=1, le=99_999_999)]
    ins: InsIdentifier
    holder_nir: Annotated[str, Field(max_length=15)]
    regime: Regime
    caisse: Digits
    care_start: Day
    care_end: Day
    prescribed_on: Day | None = None
    settled_on: Day
    act: Act
    quantity: Annotated[int, Field(ge=-9_999, le=9_999)]
    coefficient_hundredths: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    performer: Performer
    prescriber: Performer | None = None
    paid: Cents
    base: Cents
    rate_percent: Annotated[int, Field(ge=0, le=100)]
    reimbursed: Cents
    supplements: Cents = 0
    contributions: Cents = 0
    extra: Cents = 0
    excess: Cents = 0
    currency: Literal["EUR"] = "EUR"
    minor_secret: bool = False
    reverses: Annotated[str, Field(max_length=80, pattern=r"^[A-Za-z0-9._-]+/[0-9]+$")] | None = None


class ReimbursementSettledV1(UpstreamEvent):
    """An insurer settled one line of care; ``id`` is ``flux/line``."""

    TYPE: ClassVar[str] = "reimbursement.settled.v1"
    type: Literal["reimbursement.settled.v1"] = "reimbursement.settled.v1"
    data: ReimbursementV1Data
