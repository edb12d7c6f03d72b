"""The journal in the console: search, the page behind a reference, the file for spreadsheets, and the calendar."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from bridge.access.rules import Administrator
from bridge.connections.document import provider_of
from bridge.ops.trail import Record, Search
from bridge.settings import AdminRule
from bridge.web.admin import records, spreadsheet, told
from tests.journeys.steps import rehoused
from tests.kit.house import change

if TYPE_CHECKING:
    from bridge.core.model import Connection
    from bridge.settings import Settings
    from tests.kit.browser import Browser
    from tests.kit.house import House

DAY = 86_400


@pytest.fixture
def operator(house: House) -> Browser:
    return operator_of(house)


def operator_of(house: House) -> Browser:
    browser = house.browser()
    browser.open(f"/admin/enter/{house.services.admin_links.make()}", follow=False)
    return browser


def admin_of(house: House, *names: str) -> Browser:
    """Let an administrator of single connections in, as a sign-in through the first of them would."""
    provider = provider_of(house.services.connections.get(names[0]))
    grounds = {"email": "wang@contoso.example"}
    now = house.services.now()
    admin = Administrator("Wang", "connection", now, names[0], grounds, tuple(names), provider)
    session_id, _ = house.services.admin_sessions.begin(admin)
    browser = house.browser()
    browser.wire.cookies.set("bridge_admin", session_id)
    return browser


def with_admins(settings: Settings) -> Settings:
    rule = AdminRule(connection="contoso", claim="email", values=("wang@contoso.example",))
    return replace(settings, admin=replace_allow(settings, rule))


def replace_allow(settings: Settings, rule: AdminRule) -> Any:
    return settings.admin.model_copy(update={"allow": (rule,)})


def kept(house: House, event: str = "sign_in", connection: str = "contoso", code: str = "ok", **more: Any) -> None:
    house.services.trail.add(Record(more.pop("at", house.services.now()), event, connection, code, **more))


def references(text: str) -> list[str]:
    return re.findall(r'class="hb-reference" href="/admin/journal/([^"]+)"', text)


class TestSearch:
    @pytest.fixture
    def full(self, house: House) -> House:
        now = house.services.now()
        kept(house, reference="OLD2345678", person="kim@contoso.example", at=now - 10 * DAY)
        kept(house, reference="FAILED2345", person="lin@contoso.example", code="idp_error", connection="globex")
        kept(house, "connection_saved", "globex", reference="SAVED23456", actor="Wang 王芳", at=now - DAY)
        kept(house, reference="GOOD234567", person="lin@contoso.example")
        return house

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("text=lin@", {"FAILED2345", "GOOD234567"}),
            ("text=good234567", {"GOOD234567"}),
            ("text=good+234-567", {"GOOD234567"}),
            ("text=王芳", {"SAVED23456"}),
            ("text=%25", set()),
            ("text=%00lin%40", {"FAILED2345", "GOOD234567"}),
            ("connection=GLOBEX", {"FAILED2345", "SAVED23456"}),
            ("connection=nobody", set()),
            ("event=connection_saved", {"SAVED23456"}),
            ("code=failed", {"FAILED2345"}),
            ("code=idp_error", {"FAILED2345"}),
            ("text=lin&code=ok", {"GOOD234567"}),
        ],
    )
    def test_finds_by(self, full: House, query: str, found: set[str]) -> None:
        page = operator_of(full).open(f"/admin/journal?{query}")
        assert page.status_code == 200
        assert {one for one in references(page.text) if not one.startswith("ADMIN")} - _others(full) == found

    def test_finds_by_days_the_last_one_whole(self, full: House) -> None:
        day = datetime.fromtimestamp(full.services.now() - 10 * DAY, UTC).date().isoformat()
        browser = operator_of(full)
        assert references(browser.open(f"/admin/journal?since={day}&until={day}").text) == ["OLD2345678"]
        assert "OLD2345678" in references(browser.open("/admin/journal?since=2020-01-01&until=nonsense").text)

    def test_says_so_when_nothing_matches(self, operator: Browser) -> None:
        assert "Nothing matches" in operator.open("/admin/journal?text=nobody").text

    def test_goes_page_by_page(self, house: House, operator: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(records, "_PAGE", 2)
        for number in range(5):
            kept(house, reference=f"PAGE{number}23456", person="lin")
        first = operator.open("/admin/journal?text=lin")
        assert references(first.text) == ["PAGE423456", "PAGE323456"]
        older = re.search(r'rel="next" href="([^"]+)"', first.text)
        assert older
        second = operator.open(older[1].replace("&amp;", "&"))
        assert references(second.text) == ["PAGE223456", "PAGE123456"]
        assert 'href="/admin/journal?text=lin"' in second.text
        assert references(operator.open("/admin/journal?before=9999999999999").text)[0]

    def test_names_are_shown_as_text(self, house: House, operator: Browser) -> None:
        kept(house, reference="EVIL234567", person="<script>alert(1)</script>")
        page = operator.open("/admin/journal").text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


def _others(house: House) -> set[str]:
    """What the house itself has written."""
    return {
        one.reference
        for one in house.services.trail.search(Search())
        if one.event in ("connection_provisioned", "admin_sign_in")
    }


class TestIsolation:
    @pytest.fixture
    def shared(self, house: House) -> House:
        other = rehoused(house, with_admins)
        kept(other, reference="MINE234567", connection="contoso", person="lin")
        kept(other, reference="THEIRS2345", connection="globex", person="lin")
        kept(other, "admin_sign_in", "", reference="NOBODYS234", actor="somebody")
        return other

    def test_an_administrator_sees_their_own_connections_only(self, shared: House) -> None:
        browser = admin_of(shared, "contoso")
        for query in ("", "?text=lin", "?connection=contoso", "?text=THEIRS2345"):
            page = browser.open(f"/admin/journal{query}").text
            assert "THEIRS2345</a>" not in page
            assert "NOBODYS234</a>" not in page
            assert "globex" not in page
        assert "MINE234567" in references(browser.open("/admin/journal").text)

    @pytest.mark.parametrize("page", ["journal", "journal.csv"])
    @pytest.mark.parametrize("name", ["globex", "GLOBEX", "nobody"])
    def test_another_connection_is_refused_whether_it_exists_or_not(self, shared: House, page: str, name: str) -> None:
        refusal = admin_of(shared, "contoso").fetch(f"/admin/{page}?connection={name}")
        assert (refusal.status_code, refusal.json()["code"]) == (403, "admin_not_allowed")

    def test_a_reference_of_another_is_as_unknown_as_an_invented_one(self, shared: House) -> None:
        browser = admin_of(shared, "contoso")
        assert browser.open("/admin/journal/MINE234567").status_code == 200
        told_of = [browser.open(f"/admin/journal/{one}") for one in ("THEIRS2345", "NOBODYS234", "INVENTED23")]
        assert {page.status_code for page in told_of} == {404}
        assert all("globex" not in page.text and "somebody" not in page.text for page in told_of)

    def test_the_file_and_the_calendar_hold_their_own_only(self, shared: House) -> None:
        browser = admin_of(shared, "contoso")
        assert {row["connection"] for row in rows(browser.open("/admin/journal.csv").content)} == {"contoso"}
        calendar = browser.open("/admin/calendar").text
        assert "contoso" in calendar
        assert not any(name in calendar for name in ("globex", "acme", "initech", "This bridge"))

    @pytest.mark.parametrize("path", ["/admin/journal", "/admin/journal.csv", "/admin/journal/X", "/admin/calendar"])
    def test_nobody_else_comes_in(self, house: House, path: str) -> None:
        refusal = house.browser().fetch(path)
        assert (refusal.status_code, refusal.json()["code"]) == (401, "admin_sign_in_required")


class TestTrace:
    def test_tells_each_step_of_a_sign_in_and_no_value_of_a_claim(self, house: House, operator: Browser) -> None:
        house.browser().sign_in("globex")
        (record,) = house.services.trail.search(Search(event="sign_in"))
        page = operator.open(f"/admin/journal/{record.reference}").text
        assert page.count('class="hb-trace-picture"') == len(record.details["steps"])
        assert all(label in page for label in ("Code for tokens", "User endpoint", "Token exchange with Fuyun"))
        assert "e-mail address at globex.example" in page
        assert "lin@globex.example" not in page

    def test_tells_what_was_expected_what_came_and_what_to_do(self, house: House, operator: Browser) -> None:
        house.world.faults.set("userinfo", "http_500", connection="globex")
        refusal = house.browser().sign_in("globex")
        (record,) = house.services.trail.search(Search(code="failed"))
        assert record.reference in refusal.text
        page = operator.open(f"/admin/journal/{record.reference}").text
        assert "hb-chart-failed" in page
        assert "HTTP 500" in page
        assert "What to do:" in page

    def test_tells_before_and_after_of_what_an_administrator_did(self, house: House, operator: Browser) -> None:
        changes = [
            {"key": "mapping_field", "before": "email", "after": "upn"},
            {"key": "idp.client_secret", "before": "********", "after": "********"},
        ]
        kept(
            house, "connection_saved", reference="CHANGE2345", actor="Wang", details={"version": 2, "changes": changes}
        )
        page = operator.open("/admin/journal/CHANGE2345").text
        assert "upn" in page
        assert "mapping_field" in page
        assert "********" not in page
        assert "Draft saved" in page

    @pytest.mark.parametrize("typed", ["change2345", "CHANGE%202345", "chan-ge23-45", "%20change2345%20"])
    def test_a_reference_may_be_typed_as_it_was_heard(self, house: House, operator: Browser, typed: str) -> None:
        kept(house, reference="CHANGE2345", person="Lin was here")
        assert "Lin was here" in operator.open(f"/admin/journal/{typed}").text

    @pytest.mark.parametrize("typed", ["ABCDEFGH23", "%00", "<script>", "王芳", "x" * 400])
    def test_an_unknown_one_is_told_kindly(self, operator: Browser, typed: str) -> None:
        page = operator.open(f"/admin/journal/{typed}")
        assert page.status_code == 404
        assert "Nothing under this reference" in page.text
        assert "<script>" not in page.text

    def test_steps_without_any_duration_are_drawn_too(self) -> None:
        bars = records._bars([{"name": "redeem", "seconds": 0.0, "code": "ok"}] * 2)
        assert [(bar.start, bar.width) for bar in bars] == [(0, 0.7), (0, 0.7)]


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


class TestFile:
    def test_has_what_the_page_has_with_a_mark_for_excel(self, house: House, operator: Browser) -> None:
        kept(house, reference="GOOD234567", person="王芳", seconds=0.1234)
        kept(house, reference="OTHER23456", connection="globex")
        answer = operator.open("/admin/journal.csv?text=王芳")
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert re.fullmatch(
            r'attachment; filename="journal-\d{4}-\d\d-\d\d\.csv"', answer.headers["Content-Disposition"]
        )
        assert answer.content.startswith(b"\xef\xbb\xbf")
        (row,) = rows(answer.content)
        assert (row["reference"], row["person"], row["seconds"]) == ("GOOD234567", "王芳", "0.123")
        assert row["time"].endswith("+00:00")

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\uff1d", "\uff20"])
    def test_no_cell_is_a_formula(self, start: str) -> None:
        record = Record(0, "sign_in", "contoso", "ok", person=f"{start}HYPERLINK(1)")
        *_, line = spreadsheet.lines([record])
        (cells,) = csv.reader(io.StringIO(line.decode(), newline=""))
        assert cells[4] == f"'{start}HYPERLINK(1)"

    def test_tells_the_failed_step_and_the_changes(self) -> None:
        steps = [
            {"name": "redeem", "seconds": 0.5, "code": "ok"},
            {
                "name": "userinfo",
                "seconds": 0.25,
                "code": "idp_unreachable",
                "expected": "an answer",
                "received": "HTTP 500",
            },
        ]
        changes = [{"key": "title", "before": "A", "after": "B"}]
        record = Record(0, "sign_in", "contoso", "idp_unreachable", details={"steps": steps, "changes": changes})
        (row,) = rows(b"".join(spreadsheet.lines([record])))
        assert (row["failed_step"], row["expected"], row["received"]) == ("userinfo", "an answer", "HTTP 500")
        assert (row["steps"], row["changes"]) == ("redeem 0.500; userinfo 0.250", "title: A -> B")

    def test_is_written_while_it_is_read(self) -> None:
        taken: list[int] = []

        def endless() -> Any:
            while True:
                taken.append(1)
                yield Record(0, "sign_in", "contoso", "ok")

        lines = spreadsheet.lines(endless())
        for _ in range(4):
            next(lines)
        assert len(taken) == 3

    def test_without_any_record_has_its_heads(self, operator: Browser) -> None:
        content = operator.open("/admin/journal.csv?text=nobody").content
        assert (rows(content), content.count(b"\n")) == ([], 1)


class TestCalendar:
    def test_tells_secrets_and_certificates_soonest_first(self, house: House) -> None:
        now = house.services.now()
        days = {days: datetime.fromtimestamp(now + days * DAY, UTC).date().isoformat() for days in (-2, 2, 20)}

        def dated(one: Connection) -> Connection:
            idp = replace(one.idp, client_secret_expires=days[2])
            return replace(one, idp=idp, fuyun=replace(one.fuyun, client_secret_expires=days[-2]))

        def later(one: Connection) -> Connection:
            return replace(one, idp=replace(one.idp, client_secret_expires=days[20]))

        house = rehoused(house, lambda settings: change(change(settings, "contoso", dated), "globex", later))
        page = operator_of(house).open("/admin/calendar").text
        assert "This needs somebody soon" in page
        found = [page.index(text) for text in ("ended</span>", "2 days left</span>", "20 days left</span>")]
        assert found == sorted(found)
        assert "No date entered" in page

    def test_looks_the_certificates_up_each_server_once(self, house: House) -> None:
        now, asked = house.services.now(), list[tuple[str, bool]]()

        class Looked:
            def certificate_expiry(self, url: str, *, public_only: bool = False) -> float | None:
                asked.append((url, public_only))
                return now + 5 * DAY + 60 if "idp" in url else None

        with house.app.test_request_context():
            house.app.extensions["bridge"] = replace(
                house.services,
                outbound=Looked(),  # type: ignore[arg-type]
                site=replace(house.services.site, public_url="https://phone.example.com"),
            )
            shared = house.settings.connections[0]
            idp = replace(shared.idp, discovery_url="https://idp.example/a")
            served = [replace(shared, name=name, idp=idp) for name in ("contoso", "globex")]
            plain = replace(shared, name="plain")
            operator = Administrator("Lin", "operator", now)
            found = records._certificates([*served, plain], operator, now)
            assert [(one.connection, one.host, one.days) for one in found] == [
                ("", "phone.example.com", None),
                ("contoso", "idp.example", 5),
                ("globex", "idp.example", 5),
            ]
            assert sorted(asked) == [("https://idp.example", False), ("https://phone.example.com", False)]

    def test_a_connection_that_cannot_be_read_is_left_out(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        browser = operator_of(house)
        with house.services.database.transaction() as transaction:
            transaction.exec_driver_sql("UPDATE connection_versions SET sealed = 'broken' WHERE key = 'globex'")
        page = browser.open("/admin/calendar")
        assert page.status_code == 200
        assert "globex" not in page.text
        assert "contoso" in page.text

    def test_says_so_when_there_is_nothing(self, house: House) -> None:
        house = rehoused(house, lambda settings: replace(settings, connections=()))
        assert "Nothing ends" in operator_of(house).open("/admin/calendar").text


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("text of 12 characters", "text of 12 characters"),
        ("list of 3", "list of 3"),
        ("e-mail address at contoso.example", "e-mail address at contoso.example"),
        ("true or false", "yes or no"),
        ("null", "nothing"),
        ("what a later release may write", "what a later release may write"),
    ],
)
def test_kinds_of_values_are_told_in_words(house: House, kind: str, shown: str) -> None:
    with house.app.test_request_context():
        assert told.kind_of_value(kind) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(None, ""), (0.0004, "0 ms"), (0.2, "200 ms"), (1.5, "1.50 s")])
def test_durations_are_told_in_words(house: House, seconds: float | None, shown: str) -> None:
    with house.app.test_request_context():
        assert told.duration(seconds) == shown
