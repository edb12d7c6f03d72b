"""The joining place: one application for each configuration, also for several at once, and what `check` asks."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from structlog import reset_defaults

from bridge.app import create_app, from_environment, ops_from_environment, prepare_store, probe
from bridge.core.errors import StoreUnavailable
from bridge.db import Database
from bridge.rooms import make_outbound
from bridge.settings import SettingsError, load
from tests.kit.house import SECURE_BRIDGE, build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Flask


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A configuration that the environment names; the log is left as it was."""
    demo_settings(tmp_path)
    monkeypatch.setenv("BRIDGE_CONFIG", str(tmp_path / "bridge.toml"))
    monkeypatch.setattr("bridge.app.configure_logs", lambda *_: None)
    yield tmp_path
    reset_defaults()


def closed(app: Flask) -> Flask:
    app.extensions["bridge"].database.close()
    return app


class TestMaking:
    def test_the_environment_names_the_configuration(self, environ: Path) -> None:
        app = closed(from_environment())
        assert app.extensions["bridge"].site.public_url == "http://127.0.0.1:5000"
        assert (environ / "bridge.db").exists()

    def test_an_environment_that_names_none_is_told_all_that_is_wrong(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BRIDGE_CONFIG", str(tmp_path / "nothing.toml"))
        with pytest.raises(SettingsError):
            from_environment()

    def test_a_database_that_does_not_answer_stops_the_start(self, tmp_path: Path) -> None:
        (tmp_path / "bridge.db").mkdir()
        with pytest.raises(StoreUnavailable):
            create_app(demo_settings(tmp_path))

    def test_the_store_can_be_prepared_before_any_worker_starts(self, tmp_path: Path) -> None:
        settings = demo_settings(tmp_path)
        prepare_store(settings)
        database = Database(settings.store.database)
        with database.transaction() as connection:
            assert connection.execute(text("SELECT count(*) FROM agent_sessions")).scalar_one() == 0
        database.close()

    def test_several_at_once_on_a_fresh_file_all_start(self, tmp_path: Path) -> None:
        settings = demo_settings(tmp_path)
        together, made = threading.Barrier(4), []

        def make() -> None:
            together.wait()
            made.append(create_app(settings))

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [closed(app).test_client().get("/readyz").status_code for app in made] == [200] * 4

    def test_the_public_url_alone_decides_about_the_sessions_cookie(self, tmp_path: Path) -> None:
        loopback, https = (
            closed(build_house(demo_settings(tmp_path, url)).app).config
            for url in ("http://127.0.0.1:5000", SECURE_BRIDGE)
        )
        assert (loopback["SESSION_COOKIE_NAME"], loopback["SESSION_COOKIE_SECURE"]) == ("bridge_session", False)
        assert (https["SESSION_COOKIE_NAME"], https["SESSION_COOKIE_SECURE"]) == ("__Host-bridge_session", True)

    def test_the_way_out_has_the_configured_limits(self, tmp_path: Path) -> None:
        settings = demo_settings(tmp_path)
        quick = replace(settings, egress=settings.egress.model_copy(update={"connect_timeout": 1, "read_timeout": 2}))
        outbound = make_outbound(quick)
        assert (outbound.limits.connect, outbound.limits.read, outbound.limits.deadline) == (1, 2, 20)
        outbound.close()


class TestOperatorsDoor:
    def bound(self, folder: Path) -> None:
        path = folder / "bridge.toml"
        path.write_text(path.read_text("utf-8").replace("[server]", '[server]\nops_bind = "127.0.0.1:9000"'), "utf-8")

    def test_probes_and_metrics_can_have_an_address_of_their_own(self, environ: Path) -> None:
        self.bound(environ)
        agents, ops = closed(from_environment()).test_client(), closed(ops_from_environment()).test_client()
        assert [agents.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")] == [200, 404, 404]
        assert [ops.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]
        assert ops.get("/login").status_code == 404

    def test_it_tells_an_outage_too(self, environ: Path) -> None:
        self.bound(environ)
        app = closed(ops_from_environment())
        app.extensions["bridge"].database.engine = Database(f"sqlite:///{environ}").engine
        answer = app.test_client().get("/readyz")
        assert (answer.status_code, answer.json) == (
            503,
            {"status": "unavailable", "checks": {"database": "store_unavailable"}},
        )


class TestProbe:
    def test_every_one_that_is_asked_is_told_with_its_outcome(self, tmp_path: Path) -> None:
        settings = demo_settings(tmp_path)
        (globex,) = (one for one in settings.connections if one.name == "globex")
        silent = replace(globex, idp=replace(globex.idp, discovery_url="http://127.0.0.1:9/"))
        found = {one.title: one for one in probe(replace(settings, connections=(silent,)))}
        assert found["store.disk"].level == "ok"
        assert found["globex: metadata"].level == "fault"
        assert found["globex: metadata"].what.startswith("idp_unreachable")


def test_the_demo_configuration_loads_without_an_environment(tmp_path: Path) -> None:
    demo_settings(tmp_path)
    assert len(load(tmp_path / "bridge.toml", {}).connections) == 4
