"""A view of RabbitMQ that holds only the Erlang applications a private node loads.

Erlang looks for every module in every folder of its path; with RabbitMQ's fifty unused plugins out of the way
a node boots with a third less work.
"""

import re
from pathlib import Path

from deploy.local.places import folder

APPLICATIONS = re.compile(r"\{\s*applications\s*,\s*\[(.*?)\]", re.DOTALL)


def trimmed_scripts(scripts: Path, into: Path, *, wanted: tuple[str, ...]) -> Path:
    """Give the start scripts of a view that holds `wanted` and what they depend on, as links.

    A RabbitMQ laid out in another way is used as it is.
    """
    known = {each.stem: each for each in (scripts.parent / "plugins").glob("*/ebin/*.app")}
    if not known.keys() >= {*wanted}:
        return scripts
    plugins = folder(into / "plugins")
    for stale in plugins.iterdir():
        stale.unlink()
    for application in _closure(known, wanted):
        source = known[application].parents[1]
        (plugins / source.name).symlink_to(source)
    for room in ("sbin", "escript"):
        link = into / room
        link.unlink(missing_ok=True)
        link.symlink_to(scripts.parent / room)
    return into / "sbin"


def _closure(known: dict[str, Path], wanted: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    ahead = list(wanted)
    while ahead:
        application = ahead.pop()
        if application in known and application not in found:
            found.add(application)
            listed = APPLICATIONS.search(known[application].read_text(encoding="utf-8"))
            ahead += re.findall(r"\w+", listed.group(1)) if listed else []
    return found
