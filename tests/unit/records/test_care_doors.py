"""The door of reimbursements: months and lines, for whom, and what is refused (F46)."""

import pytest

from services.records.domain.rights import Grant
from shared.sealing import KeyClass
from tests.unit.records.library import Library, refusal

AUTHORISED, BLOCKED = {"status": "authorised"}, {"status": "blocked"}


class TestReimbursements:
    """/reimbursements."""

    async def test_months_and_lines(self, library: Library):
        """F46: months with counts, lines of a month opened; a line and its reversal cancel, in whatever month."""
        record = await library.person()
        kept = await library.reimburse(record, paid=2_500)
        cancelled = await library.reimburse(record)
        await library.reimburse(record, "2026-11", reverses=cancelled)
        await library.reimburse(record, "2026-08")
        await library.reimburse(record, "2024-10")

        assert (await library.ask("alice", "/me/reimbursements")).json() == {
            "months": [{"month": "2026-10", "lines": 1}, {"month": "2026-08", "lines": 1}]
        }
        assert (await library.ask("alice", "/me/reimbursements?month=2026-10")).json() == {
            "month": "2026-10",
            "lines": [{"id": kept, "state": "readable", "care": {"act": {"code": "CS"}, "paid": 2_500}}],
        }
        assert (await library.ask("alice", "/me/reimbursements?month=2026-11")).json()["lines"] == []

    async def test_professionals(self, library: Library):
        """F48, F50: an authorised physician sees them, whoever is not authorised and a coordinator do not."""
        record = await library.person()
        await library.reimburse(record)

        assert refusal(await library.ask("doctor", f"/{record}/reimbursements")) == (404, "record-unavailable")
        library.entitle(record)
        library.entitle(record, grant=Grant.AUTHORISED)
        assert len((await library.ask("doctor", f"/{record}/reimbursements")).json()["months"]) == 1

    async def test_destroyed_keys(self, library: Library):
        """A line whose key was destroyed is told as erased."""
        record = await library.person()
        await library.reimburse(record)
        await library.vault.destroy_keys(record, [KeyClass.REIMBURSEMENT])

        (line,) = (await library.ask("alice", "/me/reimbursements?month=2026-10")).json()["lines"]
        assert (line["state"], line["care"]) == ("erased", None)

    @pytest.mark.parametrize("month", ["2026-13", "2026-1", "202610", "2026-10-01", "\u0662" * 4 + "-10", "$ne"])
    async def test_bad_months(self, library: Library, month: str):
        """D49: what is no month is refused."""
        await library.person()

        answer = await library.ask("alice", "/me/reimbursements", params={"month": month})
        assert refusal(answer) == (400, "query-invalid")
