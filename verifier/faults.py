"""What is wrong with a log, and how sure that is: each fault names its kind, its place and its reason."""


class FaultError(Exception):
    """Something does not verify. ``code`` is stable; ``where`` is a place in the log or in a file."""

    def __init__(self, code: str, where: str = "") -> None:
        super().__init__(f"{where}: {code}" if where else code)
        self.code = code
        self.where = where


class TamperedError(FaultError):
    """What is there contradicts itself, a signature or what was seen before."""


class IncompleteError(FaultError):
    """Something that is needed to say anything is not there."""
