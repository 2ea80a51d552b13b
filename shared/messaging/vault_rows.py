"""Seals what an inbox row keeps of an event that came in clear: under a key of its day of arrival."""

from collections.abc import Sequence

from shared.clock import Clock
from shared.errors import RefusedError
from shared.messaging.rows import RowBody
from shared.sealing import ERASED, KeyClass, Opened, Sealed, Vault, aad, open_many, seal

_SCHEMA = "inbox-row.v1"


class VaultRows:
    """A `RowSealer` with one key per service and day, so that old rows can be made unreadable together."""

    def __init__(self, vault: Vault, service: str, clock: Clock) -> None:
        self._vault = vault
        self._service = service
        self._clock = clock

    async def seal(self, rows: Sequence[RowBody]) -> Sequence[bytes]:
        """See `RowSealer.seal`."""
        owner = (f"{self._service}/{self._clock.now():%Y-%m-%d}", KeyClass.INTAKE)
        key = (await self._vault.ensure_keys([owner]))[owner]
        return [seal(key, row.body, self._place(row)) for row in rows]

    async def unseal(self, rows: Sequence[RowBody]) -> Sequence[bytes | RefusedError]:
        """See `RowSealer.unseal`."""
        opened = await open_many(self._vault, [Sealed(row.body, self._place(row)) for row in rows])
        return [_body(text) for text in opened]

    def _place(self, row: RowBody) -> bytes:
        return aad(self._service, row.key, _SCHEMA)


def _body(text: Opened) -> bytes | RefusedError:
    if isinstance(text, bytes):
        return text
    return RefusedError("erased" if text is ERASED else "seal-broken")
