"""The door of masks: who hides a document from professionals, and what that hides (F33)."""

from typing import Any

import pytest

from tests.unit.records.library import Library, refusal

AUTHORISED, BLOCKED = {"status": "authorised"}, {"status": "blocked"}


class TestMask:
    """PUT /documents/{document}/mask."""

    @staticmethod
    async def mask(library: Library, name: str, masked: Any = True, **headers: str) -> Any:
        """Mask as the person."""
        body = {"masked": masked}
        return await library.ask("alice", f"/me/documents/{name}/mask", "PUT", json=body, headers=headers)

    async def test_reversible(self, library: Library):
        """F33: masked, professionals do not see it at the next read; shown again, they do; both are traced."""
        record = await library.person()
        name = await library.deposit(record)
        library.entitle(record)

        masked = await self.mask(library, name)
        assert (masked.json()["masked"], masked.headers["etag"]) == (True, '"2"')
        assert masked.json()["about"]["confidentiality"] == ["N", "MASQUE_PS"]
        assert library.last() == ("document-masked", "permitted", "holder")
        assert await library.listed("doctor", record) == []
        await self.mask(library, name, masked=False)
        assert library.last()[0] == "document-unmasked"
        assert await library.listed("doctor", record) == [name]

    async def test_a_correction_of_what_is_masked(self, library: Library):
        """F33: what replaces a masked document is masked too, in lists and by its name, until the person shows it."""
        record = await library.person()
        old = await library.deposit(record, days=-1)
        library.entitle(record)
        await self.mask(library, old)

        new = await library.deposit(record, replaces=(old,))

        assert await library.listed("doctor", record, "?status=all") == []
        assert refusal(await library.ask("doctor", f"/{record}/documents/{new}/content"))[0] == 404
        assert library.last() == ("document-read", "denied", "masked")
        assert (await library.ask("alice", f"/me/documents/{new}")).json()["masked"] is True
        for _ in range(2):
            assert (await self.mask(library, new)).headers["etag"] == '"2"'
        await self.mask(library, old, masked=False)
        assert await library.listed("doctor", record, "?status=all") == [old]
        await self.mask(library, old)
        assert (await self.mask(library, new, masked=False)).headers["etag"] == '"3"'
        assert await library.listed("doctor", record, "?status=all") == [new]

    async def test_against_the_depositor(self, library: Library):
        """F33: what was deposited masked, the person may show."""
        record = await library.person()
        name = await library.deposit(record, confidentiality=["N", "MASQUE_PS"])
        library.entitle(record)

        shown = await self.mask(library, name, masked=False)

        assert shown.json()["about"]["confidentiality"] == ["N"]
        assert await library.listed("doctor", record) == [name]

    async def test_the_same_again(self, library: Library):
        """The same request again, and one that changes nothing, leave the version."""
        record = await library.person()
        name = await library.deposit(record)

        assert (await self.mask(library, name, masked=False)).headers["etag"] == '"1"'
        for _ in range(2):
            assert (await self.mask(library, name)).headers["etag"] == '"2"'
        assert refusal(await self.mask(library, name, False, **{"if-match": '"1"'})) == (412, "version-stale")
        assert (await self.mask(library, name, False, **{"if-match": '"2"'})).headers["etag"] == '"3"'

    async def test_what_the_person_does_not_see(self, library: Library):
        """C30: what is hidden from the person or in no record of hers is as if it were not."""
        record = await library.person()
        hidden = await library.deposit(record, confidentiality=["N", "INVISIBLE_PATIENT"])

        for name in (hidden, "0" * 32, "x"):
            assert refusal(await self.mask(library, name)) == (404, "document-unavailable")

    @pytest.mark.parametrize("masked", ["true", 1, None])
    async def test_bad_bodies(self, library: Library, masked: Any):
        """C39: only true and false are answers."""
        record = await library.person()
        name = await library.deposit(record)

        assert refusal(await self.mask(library, name, masked)) == (422, "invalid-request")
