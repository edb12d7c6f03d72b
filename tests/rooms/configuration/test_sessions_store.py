"""`store.sessions`: the database, or a Redis whose address may be a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.settings import SettingsError, load
from tests.rooms.configurations import SECRET, written

if TYPE_CHECKING:
    from pathlib import Path

URL = f"redis://bridge:{SECRET}@cache:6379/1"


@pytest.mark.parametrize("value", ["database", "redis://cache", "rediss+sentinel://a,b/main/0"])
def test_may_stand_in_the_file(tmp_path: Path, value: str) -> None:
    assert load(written(tmp_path, {"store.sessions": value}), {}).store.sessions == value


def test_may_come_from_the_environment_and_is_not_shown(tmp_path: Path) -> None:
    settings = load(written(tmp_path, {"store.sessions": {"env": "REDIS_URL"}}), {"REDIS_URL": URL})
    assert settings.store.sessions == URL
    assert SECRET not in repr(settings)


def test_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "redis").write_text(f"{URL}\n", "utf-8")
    assert load(written(tmp_path, {"store.sessions": {"file": "redis"}}), {}).store.sessions == URL


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("Database", 'must be "database" or the address of a Redis'),
        (f"http://{SECRET}", "must begin with redis://"),
        (f"redis://:{SECRET}@cache/{SECRET}", "number of a database"),
        (5, 'must be text, { env = "NAME" }'),
    ],
)
def test_what_is_neither_is_refused_without_repeating_it(tmp_path: Path, value: object, word: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        load(written(tmp_path, {"store.sessions": value}), {})
    (fault,) = refusal.value.faults
    assert fault.key == "store.sessions"
    assert word in fault.message
    assert SECRET not in str(fault)
