"""An installed bridge has everything: what lies beside the package in the checkout is inside the wheel."""

from __future__ import annotations

import fnmatch
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bridge import __version__, cli
from bridge.settings import EXAMPLES
from tests.kit.installed import sign_in_at_the_demo
from tests.rooms.configurations import written

ROOT = Path(__file__).parents[2]
ASK_FOR_EVERYTHING = """
import json, sys
from pathlib import Path
from sqlalchemy import inspect
import bridge
from bridge.app import create_app
from bridge.settings import load, templates_folder

app = create_app(load(sys.argv[1], {}))
browser = app.test_client()
english, chinese = (browser.get("/login", headers={"Accept-Language": tag}) for tag in ("en", "zh-CN"))
statics = [path.relative_to(app.static_folder) for path in Path(app.static_folder).rglob("*") if path.is_file()]
print(json.dumps({
    "package": bridge.__file__,
    "templates": str(templates_folder()),
    "english": [english.status_code, english.text],
    "chinese": [chinese.status_code, chinese.text],
    "error": browser.get("/callback/contoso?state=invented", headers={"Accept": "text/html"}).text,
    "statics": {str(path): browser.get(f"/static/{path}").status_code for path in statics},
    "tables": inspect(app.extensions["bridge"].database.engine).get_table_names(),
}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which pip has installed the wheel, and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    _run(["-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)], ROOT)
    (wheel,) = folder.glob("*.whl")
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    _run(
        ["-m", "pip", "install", *quiet, "--no-index", "--no-deps", "--target", str(folder / "site"), str(wheel)],
        folder,
    )
    return folder / "site"


@pytest.fixture(scope="module")
def answers(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the installed bridge answers, far from the checkout."""
    folder = tmp_path_factory.mktemp("elsewhere")
    database = f"sqlite:///{folder}/bridge.db"
    config = written(folder, {"public_url": "http://localhost:5000", "store": {"database": database}})
    *_, told = _run(["-c", ASK_FOR_EVERYTHING, str(config)], folder, PYTHONPATH=str(installed)).splitlines()
    return dict(json.loads(told))


def _run(arguments: list[str], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONUTF8": "1", "HOME": str(folder), **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _files(folder: Path, *ignored: str) -> set[Path]:
    found = {
        path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    return {path for path in found if path.name not in ignored}


def test_the_wheel_holds_the_whole_package_and_no_tests(installed: Path) -> None:
    assert _files(installed / "bridge" / "templates") == _files(ROOT / "templates")
    assert _files(installed / "bridge" / "config") == {Path(name) for name in EXAMPLES}
    beside = {path for path in _files(installed / "bridge") if path.parts[0] in {"templates", "config"}}
    assert _files(installed / "bridge") - beside == _files(ROOT / "bridge")
    assert sorted(path.name for path in installed.iterdir() if path.suffix != ".dist-info") == ["bin", "bridge"]


def test_what_an_operator_keeps_beside_the_examples_goes_nowhere() -> None:
    hatch = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]
    into_wheel = {name for name in hatch["wheel"]["force-include"] if name.startswith("config")}
    assert into_wheel == {f"config/{name}" for name in EXAMPLES}
    into_sdist = {name for name in hatch["sdist"]["include"] if name.startswith("/config")}
    assert into_sdist == {f"/config/{name}" for name in (*EXAMPLES, "babel.cfg")}
    *_, first, rest = (ROOT / ".dockerignore").read_text("utf-8").partition("\n*\n")
    assert first
    given = [line.removeprefix("!") for line in rest.splitlines() if line.startswith("!")]
    for name in (*(f"config/{example}" for example in EXAMPLES), "bridge", "templates", "requirements-dev.lock"):
        assert any(fnmatch.fnmatch(name, pattern) for pattern in given), name
    for name in ("config/bridge.toml", "config/tls.pem", "config/secret_key", "var/bridge.db", ".git", "build"):
        assert not any(fnmatch.fnmatch(name, pattern) for pattern in given), name


def test_the_examples_of_a_checkout_are_without_the_operators_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, written_to = tmp_path / "config", tmp_path / "examples"
    kept.mkdir()
    for name in (*EXAMPLES, "bridge.toml", "tls.pem"):
        (kept / name).touch()
    monkeypatch.setattr(cli, "config_folder", lambda: kept)
    assert CliRunner().invoke(cli.main, ["examples", str(written_to)]).exit_code == 0
    assert _files(written_to) == {Path(name) for name in EXAMPLES}


def test_the_command_line_tells_its_version(installed: Path, tmp_path: Path) -> None:
    told = _run(["-m", "bridge", "--version"], tmp_path, PYTHONPATH=str(installed))
    assert told.split()[-1] == __version__
    command = installed / "bin" / "hotline-bridge"
    assert _run([str(command), "--version"], tmp_path, PYTHONPATH=str(installed)) == told


def test_an_installed_bridge_has_its_pages_in_both_languages_its_files_and_its_tables(
    installed: Path, answers: dict[str, Any]
) -> None:
    assert Path(answers["package"]).is_relative_to(installed)
    assert Path(answers["templates"]).is_relative_to(installed)
    status, page = answers["english"]
    assert status == 200
    assert 'href="/login/contoso"' in page
    assert "state_unknown" in answers["error"]
    status, page = answers["chinese"]
    assert status == 200
    assert 'lang="zh-CN"' in page
    assert "登录" in page
    assert {Path(name).suffix for name in answers["statics"]} >= {".css", ".js", ".svg"}
    assert set(answers["statics"].values()) == {200}
    assert {"agent_sessions", "browser_sessions", "schema_version"} <= set(answers["tables"])


def test_the_demo_of_an_installed_bridge_lets_somebody_sign_in_and_leaves_nothing_behind(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(installed))
    sign_in_at_the_demo([sys.executable, "-u", str(installed / "bin" / "hotline-bridge")], tmp_path)


def test_an_installed_bridge_writes_its_examples_and_overwrites_nothing(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "bridge.service").write_text("my own", "utf-8")
    told = _run(["-m", "bridge", "examples", str(tmp_path)], tmp_path, PYTHONPATH=str(installed))
    assert f"kept     {tmp_path}/bridge.service\n" in told
    assert (tmp_path / "bridge.service").read_text("utf-8") == "my own"
    for name in ("bridge.example.toml", "nginx.example.conf", "kubernetes.example.yaml", "Containerfile"):
        assert (tmp_path / name).read_bytes() == (ROOT / "config" / name).read_bytes()
    assert not list(tmp_path.glob("*.cfg"))
