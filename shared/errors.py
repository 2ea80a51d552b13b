"""Errors that pure rules may raise: they know no framework."""


class CarnetError(Exception):
    """The root of every error that Carnet raises on purpose."""


class RefusedError(CarnetError):
    """An input broke a rule; the code is stable and the message never holds the value.

    ``field`` names the place by path (``data.paid``), never by content.
    """

    def __init__(self, code: str, field: str | None = None) -> None:
        super().__init__(code if field is None else f"{code} at {field}")
        self.code = code
        self.field = field
