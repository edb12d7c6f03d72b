"""Every key of the configuration is told where operators look: in the README and in the example file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from bridge.configuration.tables import IdpTable
from bridge.core.protocol import SIGNING_ALGORITHMS
from bridge.settings import load
from tests.structure.configuration_table import every_key, table, written

CONFIG = Path(__file__).parents[2] / "config"
SECRETS = {
    "BRIDGE_SECRET_KEY": "k" * 64,
    "CONTOSO_SECRET": "contoso",
    "ACME_SECRET": "acme",
    "FUYUN_SECRET": "fuyun",
}


def test_the_configuration_takes_every_signing_algorithm_that_a_token_may_have() -> None:
    taken = get_args(IdpTable.model_fields["id_token_signed_response_alg"].annotation)
    assert taken == ("", *SIGNING_ALGORITHMS)


def test_the_readme_lists_every_key_as_the_code_knows_it() -> None:
    assert written() == table().strip(), "run: python -m tests.structure.configuration_table"


@pytest.mark.parametrize(("path", "meaning"), [(path, field.description) for path, field in every_key()])
def test_a_key_has_a_meaning_and_stands_in_the_example_file(path: str, meaning: str | None) -> None:
    assert meaning
    table_name, _, key = path.rpartition(".")
    example = (CONFIG / "bridge.example.toml").read_text("utf-8")
    header = rf"^(# )?\[+{re.escape(table_name)}\]+$" if table_name else r"\A"
    section = re.split(header, example, flags=re.MULTILINE)[-1]
    own = re.split(r"^(?:# )?\[", section, maxsplit=1, flags=re.MULTILINE)[0]
    assert re.search(rf"^(# )?{key} = ", own, re.MULTILINE), f"[{table_name}] of bridge.example.toml lacks {key}"


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIG.glob("*.example.toml")))
def test_an_example_file_is_a_good_configuration(name: str) -> None:
    settings = load(CONFIG / name, SECRETS)
    assert [connection.enabled for connection in settings.connections] == [True]
    assert settings.doubts == ()


def test_the_whole_example_file_holds_the_defaults() -> None:
    example = load(CONFIG / "bridge.example.toml", SECRETS)
    short = load(CONFIG / "microsoft.example.toml", SECRETS)
    for part in ("server", "log", "store", "session", "egress", "hotline_sdk", "limits", "journal"):
        assert getattr(example, part) == getattr(short, part)
