"""A record's reads, one of every kind."""

from typing import Any

from tests.fakes.ingest import INS
from tests.unit.records.library import Library

SEARCH = {"json": {"ins": {"value": INS, "oid": "1.2.250.1.213.1.4.10"}}}


async def every_read(library: Library) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Return a record's reads by action: path, method, body; the doctor is authorised."""
    record = await library.person()
    name = await library.deposit(record)
    await library.reimburse(record)
    library.entitle(record)
    return {
        "record-searched": ("/search", "POST", SEARCH),
        "documents-listed": (f"/{record}/documents", "GET", {}),
        "document-described": (f"/{record}/documents/{name}", "GET", {}),
        "document-read": (f"/{record}/documents/{name}/content", "GET", {}),
        "reimbursements-listed": (f"/{record}/reimbursements?month=2026-10", "GET", {}),
    }
