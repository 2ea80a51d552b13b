"""What a trace says of a document that is hidden from its person, for the person's list to leave it out (F35)."""

import pytest

from tests.unit.records.library import Library

HIDINGS = ("INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX")


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    """Give the doors, with nobody behind them."""
    monkeypatch.setattr("shared.http.even.EVEN_S", 0.0)
    return Library()


@pytest.mark.parametrize("hiding", HIDINGS)
async def test_a_list(library: Library, hiding: str):
    """F35: the trace of a list that a professional read tells which of its documents are hidden."""
    record = await library.person()
    library.entitle(record)
    seen, hidden = await library.deposit(record), await library.deposit(record, confidentiality=["N", hiding])

    assert set(await library.listed("doctor", record)) == {seen, hidden}
    assert set(library.opened().documents) == {seen, hidden}
    assert library.opened().hidden == [hidden]


@pytest.mark.parametrize("hiding", HIDINGS)
async def test_a_document(library: Library, hiding: str):
    """F35: so does the trace of one that was described or read."""
    record = await library.person()
    library.entitle(record)
    hidden = await library.deposit(record, confidentiality=["N", hiding])

    for path in ("", "/content"):
        assert (await library.ask("doctor", f"/{record}/documents/{hidden}{path}")).status_code == 200
        assert library.opened().hidden == library.opened().documents == [hidden]


@pytest.mark.parametrize("who", ["doctor", "optician", "machine", "bob"])
async def test_whoever_is_denied(library: Library, who: str):
    """F35: so does that of whoever may not read it, for whatever reason, or wanted to mask it."""
    record = await library.person()
    hidden = await library.deposit(record, confidentiality=["N", HIDINGS[0]])

    assert (await library.ask(who, f"/{record}/documents/{hidden}")).status_code == 404
    assert (library.last()[1], library.opened().hidden) == ("denied", [hidden])
    await library.ask(who, f"/{record}/documents/{hidden}/mask", "PUT", json={"masked": True})
    assert (library.last()[:2], library.opened().hidden) == (("document-masked", "denied"), [hidden])


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_the_person(library: Library, method: str):
    """F35: the person who names a hidden document stands in the list as for one that there is not."""
    record = await library.person()
    hidden = await library.deposit(record, confidentiality=["N", HIDINGS[0]])
    door = "/mask" if method == "PUT" else ""

    for name in (hidden, "0" * 32):
        await library.ask("alice", f"/me/documents/{name}{door}", method, json={"masked": True})
        assert (library.opened().documents, library.opened().hidden) == ([name], [])


async def test_the_others(library: Library):
    """F35: what is only masked, or hidden from nobody, is told."""
    record = await library.person()
    library.entitle(record)

    for confidentiality in (["N"], ["V", "MASQUE_PS"]):
        name = await library.deposit(record, confidentiality=confidentiality)
        await library.ask("doctor", f"/{record}/documents/{name}")
        assert (library.opened().documents, library.opened().hidden) == ([name], [])
