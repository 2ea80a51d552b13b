"""`./carnet audit handover`: all traces of professionals for a period, for an authority that asks (EX_AIR-120)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import typer
from typer.exceptions import Exit

from cli.doors import NoDoorError, door
from cli.tokens import SECOND, OperatorAuth, operator_token

WRITTEN, REFUSED = 0, 2
"""Exit codes; 3, a usage error, is the command's."""

DOOR: Final = "/ops/log/handover"

_TIMEOUT: Final = httpx.Timeout(60.0)


class NotHandedOverError(Exception):
    """The traces were not handed over, or not all of them; the text is a sentence for the reader."""


def handover(
    professional: Annotated[list[str], typer.Argument(help="National ids, prefix included, e.g. 899700366240.")],
    *,
    since: Annotated[str, typer.Option("--from", help="First day, in Paris, e.g. 2026-01-01.")],
    until: Annotated[str, typer.Option("--to", help="Last day, included.")],
    because: Annotated[str, typer.Option(help="Who asks and by what right, for the log.")],
    out: Annotated[Path, typer.Option(help="Where to write the JSON lines; nothing is overwritten.")],
    second: Annotated[str, typer.Option(help="Who agrees (local stack only).")] = "",
    url: Annotated[str | None, typer.Option(help="Address of audit's doors; this clone's own by default.")] = None,
) -> None:
    """Write all traces of professionals for a period; two operators have to agree. Exit: 0 written, 2 not, 3 usage.

    The second one's token comes from CARNET_SECOND_OPERATOR_TOKEN; on the local stack --second NAME stands for it.
    """
    asked = {"professionals": professional, "from": since, "to": until, "reason": because}
    try:
        _check_free(out)
        count = _write(out, _ask(url, asked, operator_token(second or "second-operator", variable=SECOND)))
    except (NotHandedOverError, NoDoorError) as error:
        typer.echo(str(error), err=True)
        raise Exit(REFUSED) from None
    typer.echo(f"{count:,} traces written to {out}.")
    raise Exit(WRITTEN)


def _check_free(out: Path) -> None:
    if out.exists():
        raise NotHandedOverError(f"{out} is there already.")


def _ask(url: str | None, asked: dict[str, Any], second: str) -> Iterator[str]:
    base = (url or door("audit")).rstrip("/")
    agreed = {"second-operator": f"Bearer {second}"}
    try:
        with (
            httpx.Client(base_url=base, auth=OperatorAuth(), trust_env=False, timeout=_TIMEOUT) as client,
            client.stream("POST", DOOR, json=asked, headers=agreed) as answer,
        ):
            if not answer.is_success:
                answer.read()
                raise NotHandedOverError(f"audit answered {answer.status_code}{_code(answer)}.")
            yield from answer.iter_lines()
    except httpx.HTTPError as error:
        raise NotHandedOverError(f"{base} does not answer, or was cut off ({type(error).__name__}).") from None


def _write(out: Path, lines: Iterator[str]) -> int:
    """Write the file under its name only when it is whole; return how many traces it holds."""
    part = out.with_name(f"{out.name}.part")
    last: Any = None
    try:
        with part.open("x", encoding="utf-8") as file:
            part.chmod(0o600)
            for line in lines:
                file.write(f"{line}\n")
                last = line
        count = _count(last)
        part.replace(out)
    except OSError as error:
        raise NotHandedOverError(f"{part} cannot be written: {error.strerror}.") from None
    except NotHandedOverError:
        part.unlink(missing_ok=True)
        raise
    return count


def _count(last: str | None) -> int:
    try:
        told = json.loads(last or "")
        if told["complete"] is True:
            return int(told["traces"])
    except (ValueError, TypeError, KeyError):
        pass
    raise NotHandedOverError("The answer was cut off: what came of it is not kept.")


def _code(answer: httpx.Response) -> str:
    try:
        return f" ({answer.json()['code']})"
    except (ValueError, TypeError, KeyError):
        return ""
