"""``POST /add-checkpoint`` of C2SP tlog-witness: the body of a request and of an answer are lines of text."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from fastapi import FastAPI, Request, Response

from services.witness.domain.cosigning import Logs, NotCosignedError, Why
from services.witness.handlers import add_checkpoint
from services.witness.ports import CheckpointStore
from shared.clock import Clock
from shared.http import problems
from shared.http.limits import BodyLimit
from shared.notes import NoteSigner

MAX_BODY: Final = 64 * 1024

_STATUS: Final[Mapping[Why, int]] = {
    Why.MALFORMED: 400,
    Why.UNKNOWN: 404,
    Why.UNSIGNED: 403,
    Why.BACKWARDS: 400,
    Why.STALE: 409,
    Why.INCONSISTENT: 422,
}


def application(*, logs: Logs, seen: CheckpointStore, signer: NoteSigner, clock: Clock) -> FastAPI:
    """Return the doors of a witness."""
    app = FastAPI(title="Carnet witness", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY)
    problems.install(app)
    cosign = partial(add_checkpoint, logs=logs, seen=seen, signer=signer, clock=clock)

    @app.post("/add-checkpoint")
    async def add(request: Request) -> Response:
        """Answer with this witness's line; or with why not, 409 with the size that it saw last."""
        try:
            return Response(await cosign(await request.body()), media_type="text/plain; charset=utf-8")
        except NotCosignedError as error:
            if error.size is not None:
                return Response(f"{error.size}\n", _STATUS[error.why], {"content-type": "text/x.tlog.size"})
            raise problems.Problem(_STATUS[error.why], error.why) from None

    @app.get("/livez")
    async def livez() -> Response:
        return Response(status_code=204)

    @app.get("/readyz")
    async def readyz() -> dict[str, bool]:
        """Look whether the memory answers: without it nothing is signed."""
        await seen.last("")
        return {"store": True}

    return app
