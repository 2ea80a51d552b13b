"""The same document deposited again (F26): a repetition has no effect, another content under the same id is refused."""

import hmac

from shared.errors import RefusedError


def is_repeat(known: str | None, sha256: str) -> bool:
    """Tell whether a document is a repetition, given the hash that its unique id is known with, or None.

    Whose id it is does not matter: an id names one document, whoever sends it and by whatever way.
    """
    if known is None:
        return False
    if not hmac.compare_digest(known, sha256):
        raise RefusedError("id-reuse", "id")
    return True
