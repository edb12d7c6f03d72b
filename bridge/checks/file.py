"""The connections of the configuration file, beside what other replicas have provisioned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge import __version__
from bridge.checks.finding import Finding
from bridge.connections.turns import contents_of, returns, turns
from bridge.core.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.checks.scene import Scene

_NAME: Final = "connections.file"
_A_MINUTE: Final = 60
_AN_HOUR: Final = 60
"""Minutes after which a repair counts as one: files that differ would have shown by then, as replicas start."""


def look(scene: Scene) -> Iterator[Finding]:
    """Yield whether all replicas provision what this file says; nothing where the database does not tell."""
    services = scene.services
    try:
        found = turns(services.trail, services.now(), __version__)
    except StoreUnavailable:
        return
    if not found:
        yield Finding(_NAME, "nothing else was provisioned within a day")
        return
    minutes = int(services.now() - found[0].at) // _A_MINUTE
    if again := returns(found):
        what = f"{again} times within a day a file undid what another one had provisioned, lastly {minutes} minutes ago"
        advice = "Give every replica the same connections; a change that was taken back counts once."
        is_over = minutes >= _AN_HOUR and found[0].content in contents_of(scene.deployment.given, services.key_ring)
        yield Finding(_NAME, what, "fault" if again > 1 and not is_over else "warn", advice=advice)
    elif found[0].content in contents_of(scene.deployment.given, services.key_ring):
        yield Finding(_NAME, f"as it was provisioned {minutes} minutes ago")
    else:
        what = f"other connections than this file's were provisioned {minutes} minutes ago"
        advice = "Reload `serve` if you have changed this file; else another replica has another file."
        yield Finding(_NAME, what, "warn", advice=advice)
