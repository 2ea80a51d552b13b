"""The key-encryption key and its file."""

from pathlib import Path

import pytest

from shared.sealing import KeyEncryptionError
from shared.sealing.kek import FileKek, Wrapping, read_secret

MATERIAL = bytes(range(32))
PLACE = b"key id and owner"


async def test_wraps():
    """What was wrapped unwraps in the order given, and never shows the material."""
    kek = FileKek(b"s" * 32)
    keys = [bytes([number]) * 32 for number in range(5)]

    wrapped = await kek.wrap([Wrapping(key, PLACE) for key in keys])

    assert await kek.unwrap([Wrapping(key, PLACE) for key in wrapped]) == keys
    assert not any(key in secret for key, secret in zip(keys, wrapped, strict=True))


async def test_every_bit():
    """A wrapped key with any bit changed does not open."""
    kek = FileKek(b"s" * 32)
    (wrapped,) = await kek.wrap([Wrapping(MATERIAL, PLACE)])

    for position in range(len(wrapped) * 8):
        flipped = bytearray(wrapped)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(KeyEncryptionError):
            await kek.unwrap([Wrapping(bytes(flipped), PLACE)])


@pytest.mark.parametrize("wrapped", [b"", b"\x01", b"\x01" + bytes(8)])
async def test_no_wrapped_key(wrapped: bytes):
    """Bytes that are no wrapped key are refused."""
    with pytest.raises(KeyEncryptionError):
        await FileKek(b"s" * 32).unwrap([Wrapping(wrapped, PLACE)])


async def test_moved():
    """A wrapped key given to another owner does not open."""
    kek = FileKek(b"s" * 32)
    (wrapped,) = await kek.wrap([Wrapping(MATERIAL, PLACE)])

    with pytest.raises(KeyEncryptionError):
        await kek.unwrap([Wrapping(wrapped, b"another")])


async def test_rotation():
    """After a rotation the older secret still unwraps and the new one wraps."""
    old, new = FileKek(b"o" * 32), FileKek(b"n" * 32, b"o" * 32)
    (before,) = await old.wrap([Wrapping(MATERIAL, PLACE)])
    (after,) = await new.wrap([Wrapping(MATERIAL, PLACE)])

    assert await new.unwrap([Wrapping(before, PLACE), Wrapping(after, PLACE)]) == [MATERIAL, MATERIAL]
    with pytest.raises(KeyEncryptionError):
        await old.unwrap([Wrapping(after, PLACE)])


def secret_file(folder: Path, content: bytes, mode: int) -> Path:
    """Write a secret with these permissions."""
    path = folder / "kek"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o400, 0o600])
def test_reads(tmp_path: Path, mode: int):
    """A secret that only its owner may read is read."""
    assert read_secret(secret_file(tmp_path, MATERIAL, mode)) == MATERIAL


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o604, 0o620, 0o601])
def test_open_to_others(tmp_path: Path, mode: int):
    """A secret that anybody else may touch stops the process at its start."""
    with pytest.raises(KeyEncryptionError, match="open to others"):
        read_secret(secret_file(tmp_path, MATERIAL, mode))


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_size(tmp_path: Path, size: int):
    """A secret is 32 bytes: no newline at its end, no hexadecimal."""
    with pytest.raises(KeyEncryptionError, match="exactly 32"):
        read_secret(secret_file(tmp_path, bytes(size), 0o400))


def test_missing(tmp_path: Path):
    """A missing secret is named by its file's name only."""
    with pytest.raises(KeyEncryptionError, match="cannot read the secret kek") as caught:
        FileKek.read(tmp_path / "kek")

    assert str(tmp_path) not in str(caught.value)
