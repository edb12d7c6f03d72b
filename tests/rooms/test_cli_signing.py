"""The commands of mode jwt: what each prints where, what it leaves on the disk, and each refusal in one sentence."""

from __future__ import annotations

import json
import logging
import stat
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import structlog
from click.testing import CliRunner

from bridge import cli, cli_signing
from bridge.connections.keys import key_id, load_private_key, public_base64, public_jwk, public_pem
from bridge.core.model import JwtSigning, Secret
from bridge.ops.trail import Search
from bridge.sandbox.keys import new_rsa, private_pem
from bridge.settings import load
from tests.kit.house import build_house, change, demo_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from tests.kit.house import House

    Sign = Callable[[JwtSigning], House]

ISSUER = "https://crm.example.com"
PAST, FUTURE = "2020-01-31T08:00:00Z", "2999-01-31T08:00:00Z"
LIN = "lin@globex.example"
HEAD = """
public_url = "https://phone.example.com"
secret_keys = ["a-secret-that-nobody-must-ever-see"]
[[connections]]
name = "globex"
mode = "jwt"
[connections.fuyun]
client_id = "app"
client_secret = "secret"
"""


@cache
def pem(name: str) -> str:
    del name
    return private_pem(new_rsa())


@cache
def key(name: str) -> RSAPrivateKey:
    return load_private_key(pem(name))


def public(name: str, form: Callable[[Any], str] = public_base64) -> str:
    return form(key(name))


def run(*arguments: str, **asked: Any) -> Result:
    return CliRunner().invoke(cli.main, [*arguments], catch_exceptions=False, **asked)


def refused(*arguments: str, **asked: Any) -> str:
    """Run a command that must end with exit code 1 and nothing on standard output; returns its one sentence."""
    result = run(*arguments, **asked)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1), result.output
    return result.stderr.strip()


@pytest.fixture
def logs() -> Iterator[None]:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    # The commands send log lines to a standard error that ends with them.
    logging.getLogger().handlers[:], logging.getLogger().level = handlers, level
    logging.captureWarnings(False)  # noqa: FBT003 — Python's own spelling
    structlog.reset_defaults()


@pytest.fixture
def sign(tmp_path: Path, logs: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sign]:
    """Build a house whose globex is in mode jwt, and let commands reach the same sandbox and the same database."""
    built: list[House] = []

    def sign(signing: JwtSigning) -> House:
        settings = demo_settings(tmp_path, connections=("contoso", "globex"))
        settings = change(settings, "globex", lambda one: replace(one, mode="jwt", jwt=signing))
        house = build_house(settings)
        house.world.use_jwt("globex", ISSUER, public("present", public_pem))
        monkeypatch.setattr("bridge.rooms.make_outbound", lambda _settings: house.services.outbound)
        monkeypatch.setenv(cli.CONFIG_VARIABLE, str(tmp_path / "bridge.toml"))
        built.append(house)
        return house

    yield sign
    for house in built:
        house.services.database.close()


@pytest.fixture
def house(sign: Sign) -> House:
    return sign(JwtSigning(ISSUER, Secret(pem("present"))))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestNew:
    def test_writes_a_file_for_its_owner_alone_and_prints_the_public_half_in_both_forms(self, folder: Path) -> None:
        (folder / "var").mkdir()
        result = run("keys", "new")
        path = folder / "var" / "jwt-private-key.pem"
        made = load_private_key(path.read_text("ascii"))
        assert (result.exit_code, result.stderr) == (0, "")
        assert (stat.S_IMODE(path.stat().st_mode), made.key_size) == (0o600, 2048)
        assert path.read_text("ascii").startswith("-----BEGIN PRIVATE KEY-----\n")  # pragma: allowlist secret
        assert f"\n{public_pem(made)}\n" in result.stdout
        assert {public_base64(made), f'    private_key = {{ file = "{path}" }}'} <= set(result.stdout.splitlines())
        assert "PRIVATE KEY" not in result.stdout

    def test_its_lines_are_what_a_configuration_takes(self, folder: Path) -> None:
        name = 'a "key" 密钥.pem'
        told = run("keys", "new", "--out", name).stdout
        lines = [line.strip() for line in told.splitlines() if line.startswith("    ")]
        (folder / "present.pem").write_text(pem("present"), "ascii")
        present = lines[2].replace(json.dumps(name, ensure_ascii=False)[1:-1], "present.pem")
        path = folder / "bridge.toml"
        path.write_text("\n".join([HEAD, lines[0], lines[1], present, *lines[3:]]), "utf-8")
        (connection,) = load(path, {}).connections
        assert connection.jwt is not None
        assert connection.jwt.private_key.reveal() == pem("present").strip()
        assert connection.jwt.next_private_key.reveal() == (folder / name).read_text("ascii").strip()

    def test_overwrites_nothing_not_even_what_a_link_leads_to(self, folder: Path) -> None:
        (folder / "old.pem").write_text("old", "ascii")
        (folder / "link.pem").symlink_to(folder / "elsewhere.pem")
        for name in ("old.pem", "link.pem"):
            assert refused("keys", "new", "--out", name) == (
                f"{name} is there already and stays as it is: name another file with --out."
            )
        assert (folder / "old.pem").read_text("ascii") == "old"
        assert not (folder / "elsewhere.pem").exists()

    @pytest.mark.parametrize(
        ("out", "sentence"),
        [
            ("nowhere/key.pem", "There is no folder nowhere: make it, or name another file with --out."),
            ("file/key.pem", "file/key.pem cannot be written: Not a directory."),
        ],
        ids=["no-folder", "no-directory"],
    )
    def test_says_where_it_cannot_write(self, folder: Path, out: str, sentence: str) -> None:
        (folder / "file").touch()
        assert refused("keys", "new", "--out", out) == sentence

    @pytest.mark.parametrize("end", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "stop"])
    def test_what_was_not_written_whole_does_not_stay(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, end: BaseException
    ) -> None:
        def fail(_bits: int) -> str:
            raise end

        monkeypatch.setattr(cli_signing, "new_private_key", fail)
        result = run("keys", "new", "--out", "key.pem")
        assert (result.exit_code, list(folder.iterdir())) == (1, [])
        assert (result.stderr == "key.pem cannot be written: No space left on device.\n") == isinstance(end, OSError)

    def test_into_a_pipe_goes_the_private_key_alone(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cli_signing, "new_private_key", {3072: pem("present")}.__getitem__)
        result = run("keys", "new", "--out", "-", "--bits", "3072")
        assert result.stdout == pem("present")
        assert public("present") in result.stderr.splitlines()
        assert "BEGIN PRIVATE" not in result.stderr
        assert list(folder.iterdir()) == []

    def test_takes_no_weak_size(self) -> None:
        assert run("keys", "new", "--bits", "1024").exit_code == 2


class TestPublic:
    @pytest.fixture
    def key_file(self, folder: Path) -> Path:
        path = folder / "key.pem"
        path.touch(mode=0o600)
        path.write_text(pem("present"), "ascii")
        return path

    def test_of_a_file_both_forms_and_the_kid_are_told(self, key_file: Path) -> None:
        result = run("keys", "public", str(key_file))
        assert (result.exit_code, result.stderr) == (0, "")
        assert f"\n{public('present', public_pem)}\n" in result.stdout
        assert public("present") in result.stdout.splitlines()
        assert public("present", key_id) in result.stdout
        assert "PRIVATE" not in result.stdout

    @pytest.mark.parametrize(
        ("form", "render"),
        [("pem", public_pem), ("base64", public_base64), ("jwk", lambda key: json.dumps(public_jwk(key)))],
        ids=["pem", "base64", "jwk"],
    )
    def test_one_form_alone_for_scripts_from_standard_input_too(self, form: str, render: Callable[[Any], str]) -> None:
        result = run("keys", "public", "-", "--format", form, input=pem("present"))
        assert (result.stdout, result.stderr) == (f"{public('present', render)}\n", "")

    def test_a_file_that_others_may_read_is_warned_of(self, key_file: Path) -> None:
        key_file.chmod(0o640)
        result = run("keys", "public", "key.pem", "--format", "base64")
        assert result.stdout == f"{public('present')}\n"
        assert result.stderr == "warning: key.pem is open to others than its owner; run: chmod 600 key.pem\n"

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"no key", "key.pem: the text is no private key in PEM or base64"),
            ("密钥".encode("gb18030"), "key.pem: the file is neither text nor a key in DER"),
            (None, "key.pem cannot be read: No such file or directory."),
        ],
        ids=["no-key", "no-text", "no-file"],
    )
    def test_a_file_without_a_key_is_refused(self, key_file: Path, content: bytes | None, sentence: str) -> None:
        key_file.unlink()
        if content is not None:
            key_file.touch(mode=0o600)
            key_file.write_bytes(content)
        assert refused("keys", "public", "key.pem") == sentence

    def test_of_a_connection_with_one_key_that_one_is_told(self, house: House) -> None:
        result = run("keys", "public", "--connection", "GLOBEX")
        assert result.stdout.splitlines()[0] == "globex: the key that signs"
        assert public("present") in result.stdout.splitlines()

    @pytest.mark.parametrize(
        ("moment", "order", "told"),
        [
            (
                FUTURE,
                ("present", "next"),
                [
                    "globex: the key that signs until 2999-01-31 08:00 UTC",
                    "globex: the next key, which signs from 2999-01-31 08:00 UTC",
                ],
            ),
            (
                PAST,
                ("next", "present"),
                [
                    "globex: the next key, which signs since 2020-01-31 08:00 UTC",
                    "globex: the former key, tried where Fuyun refuses the next one",
                ],
            ),
        ],
        ids=["before", "after"],
    )
    def test_of_two_keys_the_one_that_is_due_comes_first(
        self, sign: Sign, moment: str, order: tuple[str, ...], told: list[str]
    ) -> None:
        sign(JwtSigning(ISSUER, Secret(pem("present")), next_private_key=Secret(pem("next")), next_key_from=moment))
        result = run("keys", "public", "--connection", "globex", "--format", "base64")
        assert result.stdout.splitlines() == [public(name) for name in order]
        assert result.stderr.splitlines() == told

    def test_what_has_no_key_is_refused(self, sign: Sign) -> None:
        sign(JwtSigning(ISSUER, Secret("a key of former times")))
        assert refused("keys", "public", "--connection", "contoso") == "contoso has no keys: it is in mode oauth."
        assert refused("keys", "public", "--connection", "globex").startswith("globex: the text is no private key")
        assert refused("keys", "public", "--connection", "nobody").startswith("connection_unknown: ")

    @pytest.mark.parametrize("named", [(), ("key.pem", "--connection", "globex")], ids=["neither", "both"])
    def test_whose_key_must_be_said_once(self, named: tuple[str, ...]) -> None:
        assert run("keys", "public", *named).exit_code == 2


class TestToken:
    def ask(self, user: str = LIN, connection: str = "globex") -> tuple[str, ...]:
        return "token", "--connection", connection, "--user", user

    def test_prints_the_token_of_the_agent_alone_and_the_journal_keeps_for_whom(self, house: House) -> None:
        account = house.world.account_name("globex", "lin")
        result = run(*self.ask(account, "Globex"))
        assert (result.exit_code, result.stderr, result.stdout.count("\n")) == (0, "", 1)
        token = result.stdout.strip()
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims["user_name"] == account
        (act,) = (one for one in house.services.trail.search(Search()) if one.event == "token_issued")
        assert (act.actor, act.connection) == ("operator at the command line", "globex")
        assert act.details == {"people": account, "fuyun_jti": claims["jti"]}
        assert token not in repr(act)

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"connection": "nobody"}, "connection_unknown"),
            ({"connection": "contoso"}, "connection_mode_unsuited"),
            ({"user": " lin"}, "request_invalid"),
            ({"user": "nobody@globex.example"}, "agent_unknown"),
        ],
        ids=["unknown-connection", "mode", "no-name", "no-agent"],
    )
    def test_a_refusal_is_one_sentence(self, house: House, changes: dict[str, str], code: str) -> None:
        assert refused(*self.ask(**changes)).startswith(f"{code}: ")
        assert not [one for one in house.services.trail.search(Search()) if one.event == "token_issued"]

    @pytest.mark.parametrize(
        ("fault", "code"),
        [("http_500", "exchange_unreachable"), ("invalid_client", "exchange_rejected")],
        ids=["down", "wrong-secret"],
    )
    def test_trouble_with_fuyun_is_told_as_such(self, house: House, fault: str, code: str) -> None:
        house.world.faults.set("exchange", fault)
        assert refused(*self.ask(house.world.account_name("globex", "lin"))).startswith(f"{code}: ")

    def test_a_key_that_cannot_sign_is_told(self, sign: Sign) -> None:
        sign(JwtSigning(ISSUER, Secret("a key of former times")))
        told = refused(*self.ask())
        assert told.startswith("connection_mode_unsuited: The connection's private key cannot be used.")
        assert "the text is no private key in PEM or base64" in told
