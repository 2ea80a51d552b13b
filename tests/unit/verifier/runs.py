"""What the verifier's tests have in common: the size of their log, and what a run of the command gives."""

from collections.abc import Callable

SIZE = 700
Verify = Callable[..., tuple[int, list[str]]]
