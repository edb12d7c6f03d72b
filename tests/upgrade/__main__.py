"""``python -m tests.upgrade``: go forward, back and forward again under traffic, and tell what was counted."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.upgrade.balancer import Way
from tests.upgrade.releases import FORMER, Release, former, present
from tests.upgrade.site import PUBLIC, Site, site
from tests.upgrade.tally import Tally
from tests.upgrade.traffic import Traffic

_STORES = {"postgresql": "two replicas over PostgreSQL and Redis", "sqlite": "one replica over SQLite alone"}


def main() -> int:
    """Return 1 unless everything was as promised."""
    asked = _arguments()
    broken = False
    with tempfile.TemporaryDirectory(prefix="hotline-upgrade-") as folder:
        old, new = former(_made(folder, "former"), asked.former), present(_made(folder, "present"))
        for store in asked.store or _STORES:
            _say(f"\n{_STORES[store]}: {old.name} and {new.name}, {asked.agents} agents")
            broken |= _play(_made(folder, store), old, new, store, asked)
    return int(broken)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.upgrade")
    parser.add_argument("--from", dest="former", default=FORMER, metavar="COMMIT", help="the release before this one")
    parser.add_argument("--store", action="append", choices=_STORES, help="one of them only")
    parser.add_argument("--agents", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=15.0, help="at rest between two replacements")
    return parser.parse_args()


def _play(folder: Path, old: Release, new: Release, store: str, asked: argparse.Namespace) -> bool:
    tally, began = Tally(), time.monotonic()
    with site(folder, is_large=store == "postgresql", agents=asked.agents) as place:
        place.start(old)
        _note(tally, place, f"with {old.name} everywhere")
        link = place.run(old, "admin", "link")
        key = place.run(old, "api-keys", "new", "--connection", "globex", "--scope", "sessions")
        traffic = Traffic(PUBLIC, Way(PUBLIC, place.balancer), place.people, tally)
        traffic.begin(link, key)
        try:
            time.sleep(asked.seconds)
            for release in (new, old, new):
                _roll(place, release, asked.seconds, tally)
        finally:
            traffic.end()
        missing = [*tally.broken((old.name, new.name))]
        if (versions := place.versions()) != 1:
            missing.append(f"{versions} versions of a connection that nobody has changed")
        _say("\n".join([*tally.report(), f"without a replica   {place.balancer.without:.1f} s in all"]))
    _say("\n".join([*missing, f"took                {time.monotonic() - began:.0f} s"]))
    return bool(missing)


def _roll(place: Site, release: Release, seconds: float, tally: Tally) -> None:
    for seat in place.balancer.seats:
        place.roll(seat, release)
        _note(tally, place, f"with {' and '.join(one.release for one in place.balancer.seats)}")
        time.sleep(seconds)


def _note(tally: Tally, place: Site, when: str) -> None:
    tally.schema.append((when, place.schema()))
    _say(f"  {when}: {sum(tally.answers.values()):,} requests, {sum(tally.faults.values())} errors")


def _made(folder: str, name: str) -> Path:
    path = Path(folder, name)
    path.mkdir()
    return path


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
