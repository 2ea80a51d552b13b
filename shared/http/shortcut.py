"""The short way to doors that many pass: the same functions and refusals, without the framework in between.

FastAPI works out at each request what a door needs; for a door that has no body, or takes it from the request itself,
that is known beforehand, and costs half a millisecond of CPU each time. What is not simple goes the long way, and so
does whatever matches no door.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import Parameter, iscoroutinefunction, signature
from typing import Annotated, Any, TypeAlias, get_args, get_origin

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.http import problems
from shared.http.problems import Problem


@dataclass(frozen=True, slots=True)
class Call:
    """A function and where its arguments come from."""

    function: Callable[..., Awaitable[Any]]
    requests: tuple[str, ...]
    """Arguments that are the request itself."""
    path: tuple[str, ...]
    """Arguments that stand in the path."""
    depends: tuple[tuple[str, "Call"], ...]
    """Arguments that other calls give."""

    async def __call__(self, request: Request, path: Mapping[str, str]) -> Any:
        """Call it for a request."""
        given: dict[str, Any] = {name: path[name] for name in self.path}
        for name in self.requests:
            given[name] = request
        for name, call in self.depends:
            given[name] = await call(request, path)
        return await self.function(**given)


_Way: TypeAlias = tuple[APIRoute, Call | None]
"""A door, and None where it is reached by the long way only."""


class Shortcut:
    """ASGI: answers at the simple doors of these routers itself, and passes everything else on to the application."""

    def __init__(self, app: ASGIApp, routers: Iterable[APIRouter]) -> None:
        routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
        self._app = app
        self._ways: list[_Way] = [(route, simple(route)) for route in routes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have it answered."""
        call = self._find(scope) if scope["type"] == "http" else None
        if call is None:
            await self._app(scope, receive, send)
        else:
            await _answer(call, scope, receive, send)

    def _find(self, scope: Scope) -> Call | None:
        """Return the simple door of a request; as the framework has it, the first one that matches counts."""
        for route, call in self._ways:
            match = route.path_regex.match(scope["path"])
            if match is not None and scope["method"] in (route.methods or ()):
                if call is not None:
                    scope["route"], scope["path_params"] = route, match.groupdict()
                return call
        return None


def simple(route: APIRoute) -> Call | None:
    """Return how to call a door that needs the request, its path and what other such functions give; else None."""
    if route.dependencies or signature(route.endpoint).return_annotation is not Response:
        return None
    return _call(route.endpoint, frozenset(route.param_convertors))


async def _answer(call: Call, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer, a refusal or a failure as `problems.install` has the framework do it."""
    try:
        response: Response = await call(Request(scope, receive, send), scope["path_params"])
    except (Problem, HTTPException) as refusal:
        response = problems.response(problems.of(refusal), scope["path"])
    except Exception as error:
        await problems.response(problems.of(error), scope["path"])(scope, receive, send)
        raise
    await response(scope, receive, send)


def _call(function: Callable[..., Any], path: frozenset[str]) -> Call | None:
    if not iscoroutinefunction(function):
        return None
    requests, named, depends = [], [], []
    for name, parameter in signature(function).parameters.items():
        if parameter.annotation is Request:
            requests.append(name)
        elif parameter.annotation is str and name in path and parameter.default is Parameter.empty:
            named.append(name)
        elif (dependency := _dependency(parameter)) and (inner := _call(dependency, path)):
            depends.append((name, inner))
        else:
            return None
    return Call(function, tuple(requests), tuple(named), tuple(depends))


def _dependency(parameter: Parameter) -> Callable[..., Any] | None:
    if get_origin(parameter.annotation) is not Annotated:
        return None
    found = [each.dependency for each in get_args(parameter.annotation)[1:] if isinstance(each, Depends)]
    return found[0] if len(found) == 1 else None
