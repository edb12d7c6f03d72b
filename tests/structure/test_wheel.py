"""An installed bridge has everything: what lies beside the package in the checkout is inside the wheel."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bridge import __version__
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
    for folder in ("templates", "config"):
        assert _files(installed / "bridge" / folder) == _files(ROOT / folder, "bridge.toml")
    beside = {path for path in _files(installed / "bridge") if path.parts[0] in {"templates", "config"}}
    assert _files(installed / "bridge") - beside == _files(ROOT / "bridge")
    assert sorted(path.name for path in installed.iterdir() if path.suffix != ".dist-info") == ["bin", "bridge"]


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
