"""The commands for connections in mode jwt: a change of keys from its beginning to its end, and no provider at all."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from click.testing import CliRunner

from bridge import cli
from bridge.sandbox.keys import new_rsa, private_pem
from tests.rooms.configurations import SECRET, changed, toml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

NEXT = {"next_private_key": {"file": "next.pem"}, "next_key_from": "2027-01-31T08:00:00Z"}
PLATFORM: dict[str, Any] = {
    "name": "crm",
    "mode": "jwt",
    "instance_id": "ccc_xp_demo",
    "fuyun": {"client_id": "app", "client_secret": SECRET},
}


@dataclass
class Shell:
    """Somebody at a terminal who keeps one connection in a file."""

    folder: Path

    def run(self, *arguments: str) -> Result:
        config = {cli.CONFIG_VARIABLE: str(self.folder / "bridge.toml")}
        return CliRunner().invoke(cli.main, ["connections", *arguments], env=config)

    def applied(self, **signing: Any) -> list[str]:
        path = self.folder / "connections.toml"
        table = {**PLATFORM, "jwt": {"issuer": "https://crm.example.com", **signing}}
        path.write_text(toml({"connections": [table]}), "utf-8")
        result = self.run("apply", str(path))
        assert result.exit_code == 0, result.output
        return result.stdout.splitlines()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    document = changed({"store": {"database": f"sqlite:///{tmp_path}/bridge.db"}})
    (tmp_path / "bridge.toml").write_text(toml(document), "utf-8")
    for name in ("present", "next"):
        (tmp_path / f"{name}.pem").write_text(private_pem(new_rsa()), "utf-8")
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield Shell(tmp_path)
    # The commands send log lines to a standard error that ends with them.
    logging.getLogger().handlers[:], logging.getLogger().level = handlers, level
    logging.captureWarnings(False)  # noqa: FBT003 — Python's own spelling
    structlog.reset_defaults()


def test_a_change_of_keys_ends_with_the_next_one_in_the_place_of_the_present(shell: Shell) -> None:
    present = {"private_key": {"file": "present.pem"}}
    assert {line.strip() for line in shell.applied(**present)[1:-2]} == {
        "name: crm",
        "mode: jwt",
        "instance_id: ccc_xp_demo",
        "idp.kind: none",
        "fuyun.client_id: app",
        "fuyun.client_secret: ********",
        "jwt.issuer: https://crm.example.com",
        "jwt.private_key: ********",
    }
    shell.applied(**present, **NEXT)
    exported = shell.folder / "exported.toml"
    exported.write_text(shell.run("export", "crm").stdout, "utf-8")
    assert shell.run("apply", str(exported)).stdout == "There is nothing to change.\n"
    assert shell.applied(private_key={"file": "next.pem"})[:-1] == [
        "crm: changes",
        "    jwt.private_key: ******** -> ******** (another value)",
        "    jwt.next_private_key: ******** -> (empty)",
        "    jwt.next_key_from: 2027-01-31T08:00:00Z -> (empty)",
        "    is activated",
    ]


def test_no_test_link_is_made_where_nobody_signs_in(shell: Shell) -> None:
    shell.applied(private_key={"file": "present.pem"})
    result = shell.run("test", "crm", "--link")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "`hotline-bridge token --connection crm --user ACCOUNT`" in result.stderr
