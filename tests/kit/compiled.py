"""What every application of the tests would make anew, and alike: templates, routes, SQL and parsed keys."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key
from flask import Flask
from jinja2 import BytecodeCache
from sqlalchemy import create_engine
from werkzeug.routing import Rule

from bridge import db
from bridge.connections import keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jinja2.bccache import Bucket
    from sqlalchemy import Engine


_MOST_STATEMENTS: Final = 2000


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
        yield


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
