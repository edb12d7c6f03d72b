"""What every application of the tests would make anew, and alike: templates, routes, SQL, parsed keys and schemas."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key
from flask import Flask
from jinja2 import BytecodeCache
from sqlalchemy import create_engine
from werkzeug.routing import Rule

from bridge import db, outbound
from bridge.connections import keys
from bridge.egress.lines import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jinja2.bccache import Bucket
    from sqlalchemy import Engine


_MOST_STATEMENTS: Final = 2000
migrate_step_by_step: Final = db._migrate


class _Templates(BytecodeCache):
    """Templates as the first application of this process compiled them; jinja compares their source."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


class _Statements(dict[Any, Any]):
    """SQL as the first engine of its kind compiled it: two engines' dialects differ in nothing but identity."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_of_kind(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        if len(self) >= _MOST_STATEMENTS:  # each table that a test makes up brings new ones
            self.clear()
        super().__setitem__(_of_kind(key), compiled)


def _of_kind(key: tuple[Any, ...]) -> tuple[Any, ...]:
    dialect, *statement = key
    return (dialect.name, dialect.driver, *statement)


@contextmanager
def compiled_once() -> Iterator[None]:
    """Let all applications of this process share what they compile, and check each private key's numbers once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": _Templates()})
        patch.setattr(Rule, "compile", _remembering(Rule.compile))
        patch.setattr(db, "create_engine", _sharing(_Statements()))
        patch.setattr(keys, "load_der_private_key", cache(load_der_private_key))
        patch.setattr(db, "_prepare_sqlite", _unsynced(db._prepare_sqlite))
        patch.setattr(db, "_migrate", _laying(migrate_step_by_step))
        # A watch has a thread for as long as its process lives, and a worker makes a thousand ways out.
        patch.setattr(outbound, "Watch", cache(Watch))
        yield


def _laying(migrate: Callable[[Engine], None]) -> Callable[[Engine], None]:
    """Begin an SQLite database that is not there yet as a copy of the first one whose schema was made."""
    newest: list[bytes] = []

    def laid(engine: Engine) -> None:
        path = Path(engine.url.database or ":memory:")
        is_new = engine.dialect.name == "sqlite" and path.name != ":memory:" and not path.exists()
        if is_new and newest and path.parent.is_dir():
            path.touch(0o600)  # as the bridge makes it
            path.write_bytes(newest[0])
        migrate(engine)
        if is_new and not newest:
            newest.append(content(path))

    return laid


def content(path: Path) -> bytes:
    """Return a whole SQLite database, whose newest pages may lie in its log still."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.read_bytes()


def _unsynced(prepare: Callable[[Any, object], None]) -> Callable[[Any, object], None]:
    """Nothing here outlives its test, so nothing has to reach a disk: to close a database waits for that."""

    def prepared(raw: Any, record: object) -> None:
        prepare(raw, record)
        raw.execute("PRAGMA synchronous=OFF")

    return prepared


def _sharing(statements: _Statements) -> Callable[..., Engine]:
    def created(*args: Any, **kwargs: Any) -> Engine:
        engine = create_engine(*args, **kwargs)
        engine._compiled_cache = statements
        return engine

    return created


def _remembering(compile_rule: Callable[[Rule], None]) -> Callable[[Rule], None]:
    known: dict[tuple[object, ...], dict[str, Any]] = {}

    def remembered(rule: Rule) -> None:
        # All that a rule is compiled from; of its map our converters want nothing.
        of_map = (rule.map.host_matching, *rule.map.converters.values())
        key = (rule.rule, rule.host, rule.subdomain, rule.merge_slashes, repr(rule.defaults), *of_map)
        if key not in known:
            compile_rule(rule)
            known[key] = {name: getattr(rule, name) for name in ("_parts", "_trace", "_converters", "arguments")}
            known[key] |= {name: getattr(rule, name).__func__ for name in ("_build", "_build_unknown")}
            return
        for name, value in known[key].items():
            setattr(rule, name, value.__get__(rule) if name in {"_build", "_build_unknown"} else value)

    return remembered
