"""Why an identifier was refused: a stable code, and never the identifier itself."""

from shared.errors import RefusedError


class InsError(RefusedError):
    """A patient's number is refused.

    Codes: ``ins-oid``, ``ins-legacy-oid``, ``ins-test-oid``, ``ins-length``, ``ins-format``, ``ins-key``.
    """


class ProfessionalIdError(RefusedError):
    """A professional's number is refused.

    Codes: ``rpps-length``, ``rpps-format``, ``rpps-luhn``, ``rpps-prefix``, ``idnat-format``.
    """


class StructureIdError(RefusedError):
    """A structure's number is refused.

    Codes: ``finess-length``, ``finess-format``, ``finess-luhn``, ``finess-prefix``.
    """
