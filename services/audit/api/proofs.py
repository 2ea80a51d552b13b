"""``/v1/proofs``: that an entry is in the log, and that the log only grew; hashes, so nobody is asked who calls."""

from base64 import b64encode
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from services.audit.handlers.proving import Prover, prove_growth
from shared.http.problems import Problem

_LAST: Final = 2**63 - 1
_TEXT: Final = "text/plain; charset=utf-8"

Number = Annotated[int, Query(ge=0, le=_LAST)]


def proof_doors(prover: Prover) -> APIRouter:
    """Return the router."""
    router = APIRouter(prefix="/v1/proofs", tags=["proofs"])

    @router.get("/inclusion")
    async def inclusion(index: Number) -> Response:
        """Answer with an entry's proof in the last published checkpoint (C2SP tlog-proof); 404 if it has none yet."""
        proof = (await prover.proofs([index])).get(index)
        if proof is None:
            raise Problem(404, "proof-unavailable")
        return Response(str(proof), media_type=_TEXT)

    @router.get("/consistency")
    async def consistency(old: Number, new: Number) -> Response:
        """Answer with the hashes that prove growth from one size to another, a line of base64 each (RFC 6962)."""
        published = await prover.checkpoints.published()
        if published is None or not old <= new <= published.checkpoint.size:
            raise Problem(404, "proof-unavailable")
        path = await prove_growth(old, new, prover.tiles)
        return Response("".join(f"{b64encode(step).decode()}\n" for step in path), media_type=_TEXT)

    return router
