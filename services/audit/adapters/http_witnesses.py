"""Witnesses behind their doors (C2SP tlog-witness): what a log sends, and how their answers are read."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Final

import httpx
import structlog

from verifier.faults import TamperedError
from verifier.notes import Key, Note, Signature, parse_signature, signers

PATIENCE_S: Final = 4.0
MAX_ANSWER: Final = 4096

_STALE: Final = 409
_OK: Final = 200
_SIZE: Final = "text/x.tlog.size"
_DIGITS: Final = 19

log = structlog.get_logger()


class HttpWitness:
    """The `Witness` at an address."""

    def __init__(self, key: Key, address: str, client: httpx.AsyncClient) -> None:
        self.key = key
        self._url = f"{address.rstrip('/')}/add-checkpoint"
        self._client = client

    async def cosign(self, note: Note, old: int, path: Sequence[bytes]) -> Signature | int | None:
        """See `Witness.cosign`."""
        body = "".join([f"old {old}\n", *(f"{b64encode(step).decode()}\n" for step in path), "\n", str(note)])
        try:
            status, kind, text = await self._ask(body.encode())
            if status == _OK:
                return self._own_line(note, text)
            if status == _STALE and kind == _SIZE and text.strip().isascii() and text.strip().isdigit():
                return int(text.strip()[:_DIGITS])
        except (httpx.HTTPError, TamperedError, UnicodeDecodeError) as error:
            log.warning("witness_silent", host=self.key.name, error=type(error).__name__)
        else:
            log.error("witness_refused", host=self.key.name, status=status)
        return None

    async def _ask(self, body: bytes) -> tuple[int, str, str]:
        """Return status, type and text of the answer, of which no more is read than any witness has to say."""
        async with self._client.stream("POST", self._url, content=body, timeout=PATIENCE_S) as answer:
            read = b""
            async for part in answer.aiter_bytes():
                read += part
                if len(read) > MAX_ANSWER:
                    raise TamperedError("answer-too-long")
            return answer.status_code, answer.headers.get("content-type", ""), read.decode()

    def _own_line(self, note: Note, text: str) -> Signature:
        """Return the line that verifies under this witness's key; raise `TamperedError` if there is none."""
        lines = [parse_signature(line) for line in text.removesuffix("\n").split("\n")]
        own = [line for line in lines if (line.name, line.id) == (self.key.name, self.key.id)][:1]
        signers(Note(note.text, tuple(own)), [self.key])
        return own[0]
