"""Where a clone may write, and what it says where it may not."""

from pathlib import Path

import pytest

from deploy.local.places import StackError, folder


def test_a_folder_that_cannot_be_made(tmp_path: Path):
    """Where nothing can be written, a sentence says which folder and what to set, instead of a traceback."""
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match=r"file/home cannot be made .*CARNET_HOME"):
        folder(tmp_path / "file" / "home")
