"""Seals what an inbox row keeps of an event that came in clear: under a key of its day of arrival."""

from collections.abc import Sequence

from shared.clock import Clock
from shared.sealing import KeyClass, Sealed, Vault, open_many, seal

_AAD = b"carnet/inbox-row/v1"


class VaultRows:
    """A `RowSealer` with one key per service and day, so that old rows can be made unreadable together."""

    def __init__(self, vault: Vault, service: str, clock: Clock) -> None:
        self._vault = vault
        self._service = service
        self._clock = clock

    async def seal(self, bodies: Sequence[bytes]) -> Sequence[bytes]:
        """See `RowSealer.seal`."""
        owner = (f"{self._service}/{self._clock.now():%Y-%m-%d}", KeyClass.INTAKE)
        key = (await self._vault.ensure_keys([owner]))[owner]
        return [seal(key, body, _AAD) for body in bodies]

    async def unseal(self, bodies: Sequence[bytes]) -> Sequence[bytes | None]:
        """See `RowSealer.unseal`."""
        opened = await open_many(self._vault, [Sealed(body, _AAD) for body in bodies])
        return [text if isinstance(text, bytes) else None for text in opened]
