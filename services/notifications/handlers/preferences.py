"""A person says by which ways to be told (F05, F61)."""

from dataclasses import dataclass, replace

from services.notifications.domain.decision import Preference
from services.notifications.ports import PreferenceStore
from shared.messaging.unit import Unit


@dataclass(frozen=True, slots=True)
class Changed:
    """What a person wants from now on."""

    preference: Preference


async def change_preference(
    unit: Unit, *, record: str, by_email: bool, seen: str, store: PreferenceStore
) -> Changed | None:
    """Keep what a person wants; return None if it is not any more what the person saw (an ETag).

    The same wish again changes nothing, whatever was seen.
    """
    known = (await store.find({record})).get(record)
    if known is not None and known.by_email == by_email:
        return Changed(known)
    if seen != f'"{0 if known is None else known.version}"':
        return None
    wanted = Preference(record, by_email) if known is None else replace(known, by_email=by_email)
    if known is not None:
        wanted = replace(wanted, version=known.version + 1)
    store.save(wanted, unit, read=known)
    return Changed(wanted)
