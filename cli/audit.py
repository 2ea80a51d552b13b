"""`./carnet audit verify`: recomputes the whole log without any code of the service that wrote it."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeAlias

import httpx
import typer
from typer.core import TyperCommand
from typer.exceptions import Exit, TyperException

from cli.doors import NoDoorError, door
from cli.tokens import OperatorAuth

VALID, TAMPERED, INCOMPLETE, USAGE = range(4)
"""Exit codes."""

PAGE: Final = 1000

Row: TypeAlias = dict[str, Any]

app = typer.Typer(help="The log of everything that happened.", no_args_is_help=True)


class IncompleteError(Exception):
    """The log cannot be read to its end, so nothing can be said of it."""


class Command(TyperCommand):
    """A command whose usage errors end with 3: 2 has a meaning of its own here."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; see typer."""
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            _end(USAGE, f"usage: {error}")


@app.callback()
def audit() -> None:
    """Ask the log of everything that happened."""


@app.command(cls=Command)
def verify(
    url: Annotated[str | None, typer.Option(help="Address of audit's doors; this clone's own by default.")] = None,
    from_export: Annotated[Path | None, typer.Option(help="Verify a file written by --export, offline.")] = None,
    export: Annotated[Path | None, typer.Option(help="Also write the log there, as JSON lines.")] = None,
) -> None:
    """Verify every entry of the log. Exit: 0 valid, 1 tampered, 2 incomplete or unreachable, 3 usage."""
    if from_export and (url or export):
        _end(USAGE, "usage: --from-export reads a file; --url and --export ask the service")
    try:
        lines = _read(from_export) if from_export else _ask(url)
        if export:
            lines = _read(_write(export, lines))
        head = next(lines)["head"]
        fault = first_fault(lines, head)
    except (IncompleteError, NoDoorError) as error:
        _end(INCOMPLETE, f"incomplete: {error}")
    if fault:
        _end(TAMPERED, f"tampered: entry {fault[0]}: {fault[1]}")
    _end(VALID, f"valid: {head['size']} entries, head {head['hash']}")


def first_fault(entries: Iterable[Row], head: Row) -> tuple[int, str] | None:
    """Return the first index that is not as it was appended and what is wrong there; None if all is well."""
    size, previous = 0, bytes(32)
    for entry in entries:
        if entry.get("index") != size:
            return size, "it is missing"
        if size >= head["size"]:
            return size, "it lies beyond the head of the log"
        expected = entry_hash(previous, entry)
        if expected is None or entry.get("hash") != expected.hex():
            return size, "it does not follow from its content and the entry before it"
        size, previous = size + 1, expected
    if size < head["size"]:
        return size, f"it is missing, though the log counts {head['size']}"
    if previous.hex() != head["hash"]:
        return max(size - 1, 0), "the head of the log does not name its hash"
    return None


def entry_hash(previous: bytes, entry: Row) -> bytes | None:
    """Return SHA-256(0x00 ‖ hash before ‖ fields), each field after its length in 4 bytes; None if it has no such form.

    The fields: index (8 bytes), key, type, time, recorded at (8 bytes), subject or nothing, commitment (32 bytes).
    """
    try:
        commitment = bytes.fromhex(entry["commitment"])
        fields = (
            entry["index"].to_bytes(8, "big"),
            entry["key"].encode(),
            entry["type"].encode(),
            entry["time"].encode(),
            entry["recorded_at"].to_bytes(8, "big"),
            (entry["subject"] or "").encode(),
            commitment,
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
        return None
    if commitment.hex() != entry["commitment"] or len(commitment) != 32:
        return None
    return hashlib.sha256(b"\0" + previous + b"".join(len(f).to_bytes(4, "big") + f for f in fields)).digest()


def _ask(url: str | None) -> Iterator[Row]:
    """Page through the door: the head as a first line, then the entries up to it. Later entries are left out."""
    base = (url or door("audit")).rstrip("/")
    try:
        with httpx.Client(base_url=base, auth=OperatorAuth(), trust_env=False, timeout=30) as client:
            head = _get(client, "/ops/log/head")
            yield {"head": {"size": int(head["size"]), "hash": str(head["hash"])}}
            start = 0
            while start < head["size"]:
                page = {"from": start, "limit": min(PAGE, head["size"] - start)}
                entries = _get(client, "/ops/log/entries", page)["entries"]
                yield from entries
                following = int(entries[-1]["index"]) + 1 if entries else start
                if following <= start:
                    return
                start = following
    except httpx.HTTPError as error:
        raise IncompleteError(f"{base} does not answer ({type(error).__name__})") from None
    except (ValueError, TypeError, LookupError, AttributeError):
        raise IncompleteError(f"{base} is not the door of a log") from None


def _get(client: httpx.Client, path: str, query: dict[str, int] | None = None) -> Any:
    answer = client.get(path, params=query)
    answer.raise_for_status()
    return answer.json()


def _write(path: Path, lines: Iterable[Row]) -> Path:
    """Write the file under its name only when it is whole."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            for line in lines:
                file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
        part.replace(path)
    except OSError as error:
        raise IncompleteError(f"{path} cannot be written: {error.strerror}") from None
    return path


def _read(path: Path) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8") as file:
            first = json.loads(file.readline())
            yield {"head": {"size": int(first["head"]["size"]), "hash": str(first["head"]["hash"])}}
            for line in file:
                entry = json.loads(line)
                yield entry if isinstance(entry, dict) else {}
    except OSError as error:
        raise IncompleteError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, LookupError):
        raise IncompleteError(f"{path} is not an export of a log, or was cut off") from None


def _end(code: int, verdict: str) -> NoReturn:
    typer.echo(verdict, err=code not in (VALID, TAMPERED))
    raise Exit(code)
