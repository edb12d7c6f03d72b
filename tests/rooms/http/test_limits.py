"""How often the API may be asked, counted in this process; a day's budget is not filled up again during a test."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from flask import Flask, jsonify, request

from bridge.core.errors import RateLimited
from bridge.http import limits
from bridge.http.limits import spend_on_key, spend_on_wrong_key

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.test import TestResponse

_DAY = 86400


def app_with(api_key: str = "", api_failures: str = "") -> Flask:
    """Return an application whose every address wants a key in its query, and knows those that begin with "key"."""
    app = Flask(__name__)
    limits.install(app, {"api_key": api_key, "api_failures": api_failures}, sessions_url="database")
    app.register_error_handler(RateLimited, refuse)

    @app.get("/")
    def ask() -> str:
        key = request.args["key"]
        if not key.startswith("key"):
            spend_on_wrong_key(request.remote_addr or "")
            return "refused"
        spend_on_key(key)
        return "done"

    return app


def refuse(error: RateLimited) -> Response:
    response = jsonify(expected=error.expected, received=error.received, retry_after=error.retry_after)
    response.status_code = error.status
    return response


def asked(app: Flask, key: str = "key-1", address: str = "192.0.2.1") -> TestResponse:
    return app.test_client().get("/", query_string={"key": key}, environ_overrides={"REMOTE_ADDR": address})


def statuses(app: Flask, times: int, key: str = "key-1", address: str = "192.0.2.1") -> list[int]:
    return [asked(app, key, address).status_code for _ in range(times)]


class TestAKey:
    def test_is_refused_once_its_budget_is_spent(self) -> None:
        app = app_with("3/day")
        assert statuses(app, 5) == [200, 200, 200, 429, 429]

    def test_spends_nothing_of_another(self) -> None:
        app = app_with("1/day")
        assert [statuses(app, 2, key) for key in ("key-1", "key-2")] == [[200, 429]] * 2

    def test_is_told_when_to_come_again(self) -> None:
        app = app_with("1/day")
        asked(app)
        told = asked(app).get_json()
        assert 1 <= told["retry_after"] <= _DAY
        assert told["expected"] == "at most 1 per 1 day with one API key"

    def test_waits_for_the_budget_that_is_spent(self) -> None:
        app = app_with("1/day; 100/hour")
        asked(app)
        told = asked(app)
        assert told.get_json()["expected"] == "at most 1 per 1 day with one API key"
        assert told.headers["RateLimit"].startswith('"1-hour";r=98;')

    def test_without_a_limit_asks_as_often_as_it_likes_and_hears_nothing_of_it(self) -> None:
        app = app_with("")
        assert statuses(app, 5) == [200] * 5
        assert not [name for name, _ in asked(app).headers if name.lower().startswith(("ratelimit", "retry"))]

    def test_counts_where_there_is_no_route(self) -> None:
        app = app_with("1/day")
        with app.test_request_context("/nowhere"):
            spend_on_key("key-1")
            with pytest.raises(RateLimited):
                spend_on_key("key-1")

    def test_spends_no_more_than_its_budget_by_many_threads(self) -> None:
        app = app_with("40/day")
        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(lambda _: asked(app).status_code, range(60)))
        assert sorted(found) == [200] * 40 + [429] * 20


class TestAnAnswer:
    def test_tells_the_budgets_and_what_is_left_of_them(self) -> None:
        headers = asked(app_with("500/2 days; 20/hour")).headers
        assert headers["RateLimit-Policy"] == '"1-hour";q=20;w=3600, "2-day";q=500;w=172800'
        left = [one.rpartition(";t=")[0] for one in headers["RateLimit"].split(", ")]
        assert left == ['"1-hour";r=19', '"2-day";r=499']
        assert 1 <= int(headers["RateLimit"].rpartition("=")[2]) <= 2 * _DAY

    def test_tells_that_nothing_is_left(self) -> None:
        app = app_with("1/day")
        assert [asked(app).headers["RateLimit"].split(";")[1] for _ in range(2)] == ["r=0", "r=0"]

    def test_to_a_wrong_key_tells_nothing(self) -> None:
        headers = asked(app_with("9/day", "9/day"), "wrong").headers
        assert not [name for name, _ in headers if name.lower().startswith("ratelimit")]


class TestWrongKeys:
    def test_are_refused_once_their_address_has_spent_its_budget(self) -> None:
        app = app_with(api_failures="2/day")
        assert [asked(app, f"wrong-{number}").status_code for number in range(4)] == [200, 200, 429, 429]
        assert asked(app, "wrong").get_json()["expected"] == "at most 2 per 1 day refused from one address"

    def test_do_nothing_to_good_ones_from_their_address(self) -> None:
        app = app_with("9/day", "1/day")
        statuses(app, 3, "wrong")
        assert statuses(app, 2) == [200, 200]

    def test_from_another_address_are_counted_apart(self) -> None:
        app = app_with(api_failures="1/day")
        assert [asked(app, "wrong", f"192.0.2.{number}").status_code for number in range(3)] == [200] * 3

    def test_from_one_network_of_ipv6_are_counted_together(self) -> None:
        app = app_with(api_failures="1/day")
        sources = ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1")
        assert [asked(app, "wrong", one).status_code for one in sources] == [200, 429, 200]
