"""``python -m tests.upgrade.picture COMMIT VERSION``: keep what a release leaves behind, for tests of later ones."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from sqlalchemy.engine import make_url

from tests.kit.postgresql import postgresql
from tests.kit.redis_server import redis_server
from tests.upgrade.releases import ROOT, Release, former

PICTURES: Final = ROOT / "tests/fixtures/releases"
_DUMP: Final = ("--inserts", "--no-owner", "--no-privileges", "--no-comments")


def main(commit: str, version: str) -> None:
    """Paint both: SQLite alone, and PostgreSQL with Redis."""
    target = PICTURES / version
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hotline-picture-") as folder:
        release = former(Path(folder), commit, "tests")
        _paint_sqlite(release, target)
        _paint_postgresql(release, target)


def _paint_sqlite(release: Release, target: Path) -> None:
    file = release.folder / "bridge.db"
    _paint(release, f"sqlite:///{file}", "database", target / "sqlite.json")
    with closing(sqlite3.connect(file)) as database:
        (target / "sqlite.sql").write_text("\n".join([*database.iterdump(), ""]), "utf-8")


def _paint_postgresql(release: Release, target: Path) -> None:
    with postgresql() as server, server.database(empty=True) as url, redis_server() as redis:
        _paint(release, url, redis.url, target / "postgresql.json")
        with redis.admin() as client:
            kept = {name.decode(): _value(client, name) for name in sorted(client.scan_iter("bridge:*"))}
        (target / "redis.json").write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        (target / "postgresql.sql").write_text(dumped(url, *_DUMP), "utf-8")


def _paint(release: Release, database: str, sessions: str, told: Path) -> None:
    command = [sys.executable, str(Path(__file__).with_name("painter.py")), database, sessions, str(told)]
    environment = {**os.environ, "PYTHONPATH": str(release.folder)}
    subprocess.run(command, cwd=release.folder, env=environment, check=True)


def _value(client: Any, name: bytes) -> Any:
    if client.type(name) == b"hash":
        return {field.decode(): value.decode() for field, value in client.hgetall(name).items()}
    return sorted(member.decode() for member in client.smembers(name))


def dumped(url: str, *options: str) -> str:
    """Return what pg_dump prints of a database."""
    address = make_url(url)
    command = [str(programs() / "pg_dump"), *options, *reached(address.query["host"]), str(address.database)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    # Newer ones begin and end with words for psql alone.
    return "".join(line for line in told.stdout.splitlines(keepends=True) if not line.startswith(("\\", "--")))


def reached(host: object) -> list[str]:
    """Return the options by which PostgreSQL's programs find the tests' server."""
    return ["--host", str(host), "--username", "postgres"]


def programs() -> Path:
    """Return the folder of PostgreSQL's programs in the wheel pgserver, which is not imported."""
    wheel = find_spec("pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    return Path(wheel.origin).parent / "pginstall" / "bin"


if __name__ == "__main__":
    main(*sys.argv[1:])
