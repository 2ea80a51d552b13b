"""The garbage collector in processes whose work is batches."""

import gc
from typing import Final

_NEW_OBJECTS: Final = 50_000
"""Containers made and not freed, after which the collector looks for cycles: those of a few batches."""


def spare_the_collector() -> None:
    """Have the garbage collector leave alone what was loaded at the start, and look at the rest less often.

    A batch's ten thousand objects are freed when it ends without the collector's help; its walks through them, and
    through every loaded module, took a quarter of a worker's CPU.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
