"""The alert rules and the dashboard name only what a real scrape tells, and every alert is played somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bridge.access.api_keys import Wanted
from bridge.core.errors import StoreUnavailable
from bridge.core.every_error import every_error
from tests.journeys.steps import signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.house import House

ROOT: Final = Path(__file__).parents[3]
RULES: Final = ROOT / "config" / "prometheus.rules.yml"
DASHBOARD: Final = ROOT / "config" / "grafana-dashboard.json"
PLAYED: Final = sorted((ROOT / "tests" / "fixtures" / "prometheus").glob("*.test.yml"))
OF_PROMETHEUS: Final = {"instance", "job", "le"}
SELECTOR: Final = re.compile(r"(?P<metric>bridge_\w+)(?:\{(?P<matchers>[^}]*)\})?")
MATCHER: Final = re.compile(r'(?P<label>\w+)\s*(?:=~|!~|!=|=)\s*"(?P<value>[^"]*)"')
GROUPING: Final = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str]]:
    for alert in alerts():
        yield alert["alert"], alert["expr"]
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    yield "connections", dashboard["templating"]["list"][1]["definition"]


@pytest.fixture
def scraped(house: House) -> dict[str, set[str]]:
    """Return the labels of each series after a day with a bit of everything."""
    browser = signed_in(house, "contoso")
    browser.post("/session/renew")
    house.browser().sign_in("contoso", "bo")
    house.world.faults.set("token", "http_500")
    house.browser().sign_in("acme")
    house.services.metrics.circuit("https://idp.example", is_open=True)
    with pytest.raises(StoreUnavailable), house.services.database.transaction() as transaction:
        transaction.exec_driver_sql("SELECT * FROM nowhere")
    entry = house.services.register.entry("contoso")
    house.services.api_keys.make(Wanted({entry.name: entry.first_version}, ("token",), 86_400, "lin"))
    families = text_string_to_metric_families(house.browser().fetch("/metrics").text)
    labels: dict[str, set[str]] = {}
    for sample in (sample for family in families for sample in family.samples):
        labels.setdefault(sample.name, set()).update(sample.labels)
    return labels


def test_every_metric_and_label_that_they_name_is_there(scraped: dict[str, set[str]]) -> None:
    wrong = []
    for where, expression in expressions():
        used = {found["metric"]: found["matchers"] or "" for found in SELECTOR.finditer(expression)}
        wrong += [(where, metric) for metric in used if metric not in scraped]
        for found in SELECTOR.finditer(expression):
            named = {one["label"] for one in MATCHER.finditer(found["matchers"] or "")}
            unknown = named - scraped.get(found["metric"], set()) - OF_PROMETHEUS
            wrong += [(where, f"{found['metric']}{{{label}}}") for label in unknown]
        groups = {label.strip() for found in GROUPING.finditer(expression) for label in found[1].split(",")} - {""}
        known = set().union(*(scraped.get(metric, set()) for metric in used)) | OF_PROMETHEUS
        wrong += [(where, f"by ({label})") for label in groups - known]
    assert wrong == []


def test_every_code_that_they_name_is_one() -> None:
    named = {
        code
        for _, expression in expressions()
        for one in MATCHER.finditer(expression)
        if one["label"] == "code"
        for code in one["value"].split("|")
    }
    assert named - {"ok"} <= set(every_error())


def test_every_alert_says_what_to_do_and_is_played() -> None:
    played = "".join(path.read_text("utf-8") for path in PLAYED)
    for alert in alerts():
        assert set(alert["annotations"]) == {"summary", "description", "runbook"}
        assert alert["labels"]["severity"] in {"critical", "warning", "info"}
        assert f'ALERTS{{alertname="{alert["alert"]}", alertstate="firing", ' in played


def test_panels_stand_beside_one_another_and_ask_the_source_that_was_chosen() -> None:
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        columns = range(place["x"], place["x"] + place["w"])
        cells = {(x, y) for x in columns for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
        assert panel["type"] == "row" or panel["datasource"]["uid"] == "${datasource}"
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    assert [one["name"] for one in dashboard["templating"]["list"]] == ["datasource", "connection"]
