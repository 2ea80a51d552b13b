"""The doors of held events, played by a table."""

import json
from collections import Counter
from datetime import UTC, datetime

import httpx

QUEUE = "ingest.reimbursement.settled.v1"


class Doors:
    """Plays every service's /ops/messaging: rows in memory, and a list of what was asked."""

    def __init__(self):
        self.rows = []
        self.asked = []
        self.silent = set()
        self.helps = True
        """Whether what is replayed is applied then."""

    def hold(self, count, *, state="quarantined", reason="ins-unknown", **more):
        """Add held rows."""
        start = len(self.rows)
        self.rows += [
            {"key": f"{QUEUE}|/insurers/msa|f/{n:06}", "queue": QUEUE, "state": state, "reason": reason, "at": at(n)}
            | more
            for n in range(start, start + count)
        ]

    def __call__(self, request):
        """Answer a request."""
        if request.url.host in self.silent:
            raise httpx.ConnectError("refused")
        path = request.url.path.removeprefix("/ops/messaging")
        body = json.loads(request.content) if request.content else {}
        if path == "/events":
            return httpx.Response(200, json=self._page(dict(request.url.params), request.url.host))
        if path == "/sets":
            return httpx.Response(200, json={"groups": self._groups(body, request.url.host), "complete": True})
        if path.startswith("/sets/"):
            return self._set(request, path.split("/")[2:], body)
        self.asked.append((request.url.host, path, body, dict(request.headers)))
        if path == "/show":
            return httpx.Response(404, json={"code": "not-found"})
        held = [row for row in self.rows if row["key"] in body["keys"]]
        return httpx.Response(200, json={f"{path[1:].rstrip('e')}ed": len(held)})

    def _page(self, query, host):
        if host != "ingest":
            return {"rows": [], "next": None}
        limit, after = int(query.pop("limit")), query.pop("after", "")
        rows = [row for row in self.rows if row["key"] > after and query.items() <= row.items()][:limit]
        return {"rows": rows, "next": rows[-1]["key"] if len(rows) == limit else None}

    def _groups(self, query, host):
        found: dict[tuple[str, str], list[dict[str, str]]] = {}
        for row in self.rows if host == "ingest" else []:
            if query.items() <= row.items():
                found.setdefault((row["state"], row["reason"]), []).append(row)
        return [
            {"handle": handle(reason), "queue": QUEUE, "state": state, "reason": reason, "count": len(rows)}
            | {"oldest": rows[0]["at"], "newest": rows[-1]["at"], "bars": [len(rows)], "replayed": 0}
            for (state, reason), rows in found.items()
        ]

    def _set(self, request, words, body):
        rows = [row for row in self.rows if handle(row["reason"]) == words[0]]
        if request.url.host != "ingest" or not rows:
            return httpx.Response(404, json={"code": "set-unknown"})
        if words[1:] == ["rows"]:
            return httpx.Response(200, json={"rows": rows[:20]})
        if words[1:]:
            self.asked.append((request.url.host, "/".join(words[1:]), body, dict(request.headers)))
            part = rows[body["start"] :][: body["limit"]]
            for row in part:
                row["end"] = "applied" if self.helps else "failed-again"
            following = body["start"] + len(part)
            done = {"done": len(part), "looked": len(part), "next": following if following < len(rows) else None}
            return httpx.Response(200, json=done)
        ends = Counter(row.get("end", "untouched") for row in rows)
        standing = {**ends, "again": {"failed X@y:1": ends["failed-again"]}, "joined": 1}
        told = {"handle": words[0], "queue": QUEUE, "state": rows[0]["state"], "reason": rows[0]["reason"]}
        told |= {"count": len(rows), "by": "alice", "seen": at(0), "standing": standing}
        return httpx.Response(200, json=told)


def handle(reason):
    """Return the name of the group of a reason."""
    letters = (reason.replace("-", "") + "00000000")[:8]
    return f"{letters[:4]}-{letters[4:]}"


def at(n):
    """Return an instant, one second after the one before."""
    return datetime(2026, 11, 21, 9, n // 60 % 60, n % 60, tzinfo=UTC).isoformat()
