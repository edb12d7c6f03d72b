"""What every application of the tests would compile anew, and alike: templates and routes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from jinja2 import BytecodeCache
from werkzeug.routing import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jinja2.bccache import Bucket


class _Templates(BytecodeCache):
    """Templates as the first application of this process compiled them; jinja compares their source."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


@contextmanager
def compiled_once() -> Iterator[None]:
    """Let all applications of this process share what they compile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": _Templates()})
        patch.setattr(Rule, "_compile_builder", _remembering(Rule._compile_builder))
        yield


def _remembering(build: Any) -> Any:
    known: dict[tuple[object, ...], Any] = {}

    def remembered(rule: Any, append_unknown: bool = True) -> Any:  # noqa: FBT001, FBT002 — werkzeug's signature
        # A builder is a plain function of the rule that it is handed; its text comes from these alone.
        key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in known:
            known[key] = build(rule, append_unknown)
        return known[key]

    return remembered
