"""What the doors of a record have in common: who asks, with which parameters, and how a refusal leaves."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Final, TypeVar

import orjson
from fastapi import Depends, Request, Response

from services.records.domain.chain import Status
from services.records.domain.decision import Actor, Rule
from services.records.handlers.reading import Search
from services.records.handlers.tracing import LogBehindError
from services.records.handlers.visits import Caller, Denied, ReadingRoom
from shared.contracts.accesses import ActorV1
from shared.errors import RefusedError
from shared.http.even import refusing_evenly
from shared.http.gate import Door
from shared.http.identity import Kind, Principal
from shared.http.problems import Problem
from shared.identity import Ins, blind_index
from shared.messaging.acts import Perform
from shared.messaging.failures import Failure, classify
from shared.messaging.gathering import OverloadedError
from shared.messaging.traces import actor_of

T = TypeVar("T")

PAGE: Final = 20
"""Documents of a page, unless more are asked for: the batch in which software reads metadata."""
MAX_PAGE: Final = 100

_LIMIT: Final = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_CODE: Final = re.compile(r"[0-9A-Za-z_-]{1,40}", re.ASCII)
_SOFTWARE: Final = 200
_RETRY: Final = {"retry-after": "5"}

_ACTORS: Final = {Kind.PATIENT: Actor.PATIENT, Kind.PROFESSIONAL: Actor.PROFESSIONAL}

_STATUS: Final[Mapping[str, Status | None]] = {
    "approved": Status.APPROVED,
    "deprecated": Status.DEPRECATED,
    "all": None,
}


@dataclass(frozen=True, slots=True)
class Reception:
    """What the doors stand on."""

    room: ReadingRoom
    perform: Perform
    index_key: bytes = field(repr=False)
    production: bool

    def caller(self, principal: Principal, request: Request) -> Caller:
        """Return who asks; whoever is neither patient nor professional asks as somebody who may not."""
        software = request.headers.get("user-agent", "")[:_SOFTWARE]
        return Caller(
            actor=_ACTORS.get(principal.kind, Actor.OTHER),
            shown=_shown(principal),
            index=None if principal.ins is None else self.index(principal.ins),
            software=software if software.isprintable() and software else None,
        )

    def index(self, ins: Ins) -> str:
        """Return a person's blind index."""
        return blind_index(self.index_key, ins)

    def callers(self, reader: Door) -> Callable[..., Awaitable[Caller]]:
        """Return the dependency that gives who asks, of those whom ``reader`` lets in."""

        async def caller(request: Request, principal: Annotated[Principal, Depends(reader)]) -> Caller:
            return self.caller(principal, request)

        return caller


def answer(shape: Mapping[str, Any], *, version: int | None = None, status: int = 200) -> Response:
    """Return an answer that nobody keeps; ``version`` is what a change may be made dependent on."""
    tag = {} if version is None else {"etag": f'"{version}"'}
    headers = {"cache-control": "no-store", **tag}
    return Response(orjson.dumps(shape), status, headers=headers, media_type="application/json")


async def shown(work: Awaitable[T | Denied], refusal: str) -> T:
    """Return what was asked for; raise a problem, the same one after the same time whatever was denied.

    503: the trace is not durable, or too many are not in the log; nothing of what was asked for has left.
    """
    async with refusing_evenly():
        answer = await available(work)
        if isinstance(answer, Denied):
            raise _denial(answer, refusal)
        return answer


async def available(work: Awaitable[T]) -> T:
    """Return what a work gives; raise a 503 problem where it cannot be done now."""
    try:
        return await work
    except LogBehindError:
        raise Problem(503, "log-behind", headers=_RETRY) from None
    except OverloadedError:
        raise Problem(503, headers=_RETRY) from None
    except RefusedError as refused:
        raise Problem(400, refused.code) from None
    except Exception as error:
        if classify(error) is Failure.DATA:
            raise
        raise Problem(503, headers=_RETRY) from None


def parameters(request: Request, *allowed: str) -> Mapping[str, str]:
    """Return the query's parameters; raise a 400 problem for one that is unknown, repeated or empty (C31)."""
    pairs = request.query_params.multi_items()
    names = [name for name, _ in pairs]
    if not set(names) <= set(allowed):
        raise Problem(400, "query-unknown")
    if len(set(names)) < len(names):
        raise Problem(400, "query-repeated")
    if not all(value for _, value in pairs):
        raise _invalid(next(name for name, value in pairs if not value))
    return dict(pairs)


def search_of(request: Request) -> Search:
    """Return what somebody looks for (F38); raise a 400 problem for what cannot be looked for."""
    asked = parameters(request, "type", "class", "from", "to", "status", "cursor", "limit")
    limit, status = asked.get("limit", str(PAGE)), asked.get("status", "approved")
    if not (_LIMIT.fullmatch(limit) and int(limit) <= MAX_PAGE):
        raise _invalid("limit")
    if status not in _STATUS:
        raise _invalid("status")
    return Search(
        limit=int(limit),
        cursor=asked.get("cursor"),
        type_code=_code(asked, "type"),
        class_code=_code(asked, "class"),
        since=_day(asked, "from"),
        until=_day(asked, "to"),
        status=_STATUS[status],
    )


def _invalid(name: str) -> Problem:
    return Problem(400, "query-invalid", at=f"query/{name}")


def _code(asked: Mapping[str, str], name: str) -> str | None:
    value = asked.get(name)
    if value is not None and not _CODE.fullmatch(value):
        raise _invalid(name)
    return value


def _day(asked: Mapping[str, str], name: str) -> date | None:
    value = asked.get(name)
    if value is None:
        return None
    try:
        if _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise _invalid(name)


def _denial(denied: Denied, refusal: str) -> Problem:
    """What is nobody's business but the person's is told to be so: that says nothing of the record."""
    return Problem(403, "holder-only") if denied.rule is Rule.DENY_HOLDER_ONLY else Problem(404, refusal)


def _shown(principal: Principal) -> ActorV1:
    who = principal.professional or principal.structure
    return ActorV1(kind=principal.kind.value, number=principal.sub) if who is None else actor_of(who)
