"""Who a person, a professional or a structure is: INS, RPPS, FINESS and the opaque record id."""

from shared.identity.errors import InsError, ProfessionalIdError, StructureIdError
from shared.identity.finess import Finess, parse_finess, parse_structure_id
from shared.identity.ins import Ins, parse_ins
from shared.identity.opaque import name_of
from shared.identity.professional import Professional, Structure, parse_national_id, parse_structure
from shared.identity.record_id import RecordId, blind_index, new_record_id
from shared.identity.rpps import Rpps, parse_professional_id, parse_rpps

__all__ = [
    "Finess",
    "Ins",
    "InsError",
    "Professional",
    "ProfessionalIdError",
    "RecordId",
    "Rpps",
    "Structure",
    "StructureIdError",
    "blind_index",
    "name_of",
    "new_record_id",
    "parse_finess",
    "parse_ins",
    "parse_national_id",
    "parse_professional_id",
    "parse_rpps",
    "parse_structure",
    "parse_structure_id",
]
