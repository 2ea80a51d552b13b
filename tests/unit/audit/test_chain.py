"""The chain: fixed by vectors made without our code, and damage of every kind found at its place by both verifiers."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.audit import entry_hash as cli_entry_hash
from cli.audit import first_fault
from services.audit.domain.chain import (
    EMPTY,
    GENESIS,
    Damage,
    Fault,
    Head,
    Leaf,
    advance,
    commit_to,
    entry_hash,
    extend,
    find_fault,
)
from tests.unit.audit.damage import LEAVES, TAMPERINGS, Log, Row, exported, whole_log

# Made with printf, xxd and sha256sum from the text of the formula alone.
SALT = bytes.fromhex("11" * 32)
COMMITMENTS = (
    "22a5a92155a664512978c915f98c9a227435f2963c5ef2d0b595bfefe7eef11d",
    "b9b2963dd004873b959108c34633d207b6ff7e96eaf5147a53fac7896171189d",
)
HASHES = (
    "53fdcf293e13d2cccc56cbe30ded017da117d1c5dad6a771efebfddbb1fb7aee",
    "4515505343236dc9b7c509c98e37ed6f84858af2b1523086d1bff2fc0c86b589",
)
text = st.text(max_size=20)
leaves = st.lists(
    st.builds(
        Leaf,
        text,
        text,
        text,
        st.integers(0, 2**62),
        st.none() | st.text(min_size=1, max_size=32),
        st.binary(min_size=32, max_size=32),
    ),
    max_size=8,
)


def cli_fault(rows: list[Row], head: Row) -> int | None:
    """Return the index that the command names."""
    fault = first_fault(rows, head)
    return None if fault is None else fault[0]


class TestVectors:
    """Everybody can compute these."""

    @pytest.mark.parametrize(
        ("envelope", "commitment"), [(b'{"id":"a"}', COMMITMENTS[0]), (b'{"id":"b"}', COMMITMENTS[1])]
    )
    def test_commitment(self, envelope: bytes, commitment: str):
        """F57: a commitment is SHA-256 of "carnet-audit/v1", the salt and the envelope."""
        assert commit_to(SALT, envelope).hex() == commitment

    def test_hashes(self):
        """F57: an entry's hash covers all that it says and the hash before; the first follows 32 zero bytes."""
        entries = extend(EMPTY, LEAVES)

        assert [entry.hash.hex() for entry in entries] == list(HASHES)
        assert [entry.index for entry in entries] == [0, 1]
        assert advance(EMPTY, entries) == Head(2, entries[1].hash, 0)

    def test_command_agrees(self):
        """The command computes the same hashes with code of its own."""
        rows, _ = exported(extend(EMPTY, LEAVES), EMPTY)
        first = cli_entry_hash(bytes(32), rows[0]) or b""
        second = cli_entry_hash(first, rows[1]) or b""

        assert (first.hex(), second.hex()) == HASHES


class TestExtend:
    """How a log grows."""

    @given(leaves, leaves)
    def test_in_parts(self, some: list[Leaf], more: list[Leaf]):
        """Appending in two batches gives the same log as in one."""
        first = extend(EMPTY, some)
        second = extend(advance(EMPTY, first), more)

        assert first + second == extend(EMPTY, some + more)

    @given(leaves)
    def test_valid(self, some: list[Leaf]):
        """Whatever was appended, both verifiers find it whole."""
        entries = extend(EMPTY, some)
        log = entries, advance(EMPTY, entries)

        assert find_fault(*log) is None
        assert cli_fault(*exported(*log)) is None

    def test_framing(self):
        """Moving a character from one field to the next gives another hash."""
        one = replace(LEAVES[0], key="ab", type="c")
        two = replace(LEAVES[0], key="a", type="bc")

        assert entry_hash(GENESIS, 0, one) != entry_hash(GENESIS, 0, two)

    def test_nothing_to_append(self):
        """A batch without entries leaves the head as it is."""
        assert advance(EMPTY, extend(EMPTY, [])) == EMPTY


class TestDamage:
    """What was not appended so is found."""

    @pytest.mark.parametrize(("tamper", "index", "damage"), TAMPERINGS)
    def test_found(self, tamper: Callable[[Log], Log], index: int, damage: Damage):
        """F57: whatever is changed in the log is found at the first index that is wrong."""
        log = tamper(whole_log())

        assert find_fault(*log) == Fault(index, damage)
        assert cli_fault(*exported(*log)) == index

    def test_emptied(self):
        """An emptied log does not pass for a new one as long as the head remembers."""
        assert find_fault([], whole_log()[1]) == Fault(0, Damage.MISSING)

    @pytest.mark.parametrize(
        "change",
        [
            {"commitment": "zz"},
            {"commitment": ("22 " * 32).strip()},
            {"commitment": "22" * 31},
            {"hash": None},
            {"recorded_at": -1},
            {"recorded_at": 2**70},
            {"recorded_at": "4"},
            {"key": 5},
            {"time": "\ud800"},
            {"subject": []},
            {"subject": 3},
        ],
    )
    def test_malformed(self, change: Row):
        """An entry of another form is tampering, not a crash of the command."""
        rows, head = exported(*whole_log())
        rows[4] |= change

        assert cli_fault(rows, head) == 4

    def test_field_absent(self):
        """An entry without one of its fields is tampering."""
        rows, head = exported(*whole_log())
        del rows[4]["subject"]

        assert cli_fault(rows, head) == 4
