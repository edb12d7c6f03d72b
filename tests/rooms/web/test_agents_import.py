"""The import of agents in the console: compared first, then worked off by steps that nothing interrupts for good."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any
from unittest.mock import ANY

import pytest

from bridge.access.rules import Allowed
from bridge.core.errors import StoreUnavailable
from bridge.core.seats import Seats
from bridge.http import console as console_room
from bridge.provisioning import import_rows as tables
from bridge.provisioning import imports
from bridge.provisioning.carrying_out import Hands
from bridge.provisioning.imports import KEPT_FOR, Imports
from bridge.provisioning.lines import LARGEST
from tests.kit.desk import act, administrator, allowing, form_token, operator
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from requests import Response

    from bridge.sandbox.contact_center import ContactCenter
    from tests.kit.browser import Browser
    from tests.kit.house import House

IMPORT = "/admin/connections/contoso/agents/import"
LIN, KIM = "lin@contoso.example", "kim@contoso.example"  # kim is frozen
HEAD = "account_name,display_name,skill_groups\n"
SOME = f"new,New <One>,Sales\n{LIN},Lin,客服热线;Sales\n{KIM},K,\nbad,Bad,Nowhere\nzhao.min@contoso.example,,客服热线\n"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    lin = Allowed("contoso", "email", (LIN,), "connection", ("globex",))
    built = build_house(allowing(demo_settings(tmp_path, connections=("contoso", "globex")), lin))
    yield built
    built.services.database.close()


@pytest.fixture
def console(house: House) -> Browser:
    return operator(house)


@pytest.fixture
def center(house: House) -> ContactCenter:
    return house.world.contact_centers["ccc_xp_demo"]


def begun(console: Browser, lines: str, **wishes: str) -> str:
    """Send lines; return the address of the import."""
    answer = act(console, IMPORT, {"text": HEAD + lines, **wishes})
    assert answer.status_code == 303, plain(answer.text)
    return str(answer.headers["Location"])


def step(console: Browser, job: str) -> dict[str, Any]:
    """Do as the page's script does."""
    token = form_token(console)
    headers = {"Accept": "application/json", "Sec-Fetch-Mode": "cors", "Origin": console.origin, "X-CSRF-Token": token}
    answer = console.wire.post(f"{console.origin}{job}/step", headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def started(console: Browser, lines: str, **wishes: str) -> str:
    """Bring an import to the moment at which it changes agents."""
    job = begun(console, lines, **wishes)
    assert step(console, job)["stage"] == "asking"
    assert act(console, f"{job}/start").headers["Location"] == job
    return job


def plain(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def report(console: Browser, job: str) -> list[dict[str, str]]:
    answer = console.open(f"{job}/report.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="agents-contoso-import.csv"'
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def events(house: House) -> list[tuple[str, dict[str, Any]]]:
    return [(one.event, dict(one.details)) for one in house.journal() if one.event.startswith("agents")]


class TestTheComparison:
    def test_tells_every_line_and_changes_nothing(self, house: House, console: Browser, center: ContactCenter) -> None:
        job = begun(console, SOME)
        page = console.open(job).text
        assert "Accounts are looked up" in page
        assert 'max="5" value="3"' in page
        assert ("js/admin/import.js" in page, ">Continue<" in page, "New &lt;One&gt;" in page) == (True, True, False)
        assert step(console, job) == {"total": 2, "done": 0, "stage": "asking", "wait": 0, "trouble": ""}
        page = console.open(job).text
        told = plain(page)
        for words in (
            "Create 1, change 1, delete 0",
            "there is no skill group Nowhere",
            "小林 Lin",
            "Frozen, left alone",
        ):
            assert words in told
        assert "New &lt;One&gt;" in page
        assert plain(console.open(f"{job}?act=frozen").text).count(KIM) == 1
        assert "zhao.min" not in console.open(f"{job}?act=frozen&page=99").text
        assert ("new" in center.agents, center.agents[LIN].display_name) == (False, "小林")
        assert events(house) == []

    def test_is_made_of_a_file_as_excel_in_china_saves_it(self, console: Browser) -> None:
        data = "坐席账号\t对外展示名\t技能组\n王芳\t王 芳\t客服热线\n".encode("gb18030")
        wishes = {"csrf_token": form_token(console), "delete_missing": "yes"}

        def compared(**more: str) -> str:
            answer = console.wire.post(
                f"{console.origin}{IMPORT}",
                data={**wishes, **more},
                files={"file": ("agents.csv", data)},
                headers={"Origin": console.origin, "Sec-Fetch-Mode": "navigate"},
                timeout=30,
            )
            return plain(answer.text)

        assert "14 of" in compared()
        told = compared(delete_many="yes")
        assert ("王芳" in told, "14 Deleted" in told) == (True, True)

    def test_begins_with_an_empty_list_to_fill_in(self, console: Browser) -> None:
        text = console.open(f"{IMPORT}/template.csv").content.decode("utf-8-sig")
        assert text.split() == ["account_name,display_name,skill_groups"]
        page = console.open(IMPORT).text
        assert re.search(r'href="/admin/connections/contoso/agents"\s+aria-current="true"', page)

    def test_keeps_what_the_file_is_called_and_tells_the_contact_centers_time(self, console: Browser) -> None:
        files = {"file": ("lists/new <agents>.csv", HEAD + "new,New,\n")}
        headers = {"Origin": console.origin, "Sec-Fetch-Mode": "navigate"}
        data = {"csrf_token": form_token(console)}
        answer = console.wire.post(f"{console.origin}{IMPORT}", data=data, files=files, headers=headers, timeout=30)
        assert "<strong>new &lt;agents&gt;.csv</strong>" in answer.text
        assert "(UTC+08:00)" in answer.text
        assert "new &lt;agents&gt;.csv" in console.open(IMPORT).text

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "expected a table, found an empty file"),
            ("who\nlin\n", "1 other heads in line 1"),
            ("account\n" + "x" * (LARGEST + 2_000_000), "The file is larger than 5 MB."),
        ],
        ids=["empty", "heads", "too_large"],
    )
    def test_is_refused_with_the_form_where_there_is_nothing_to_compare(
        self, console: Browser, text: str, said: str
    ) -> None:
        answer = act(console, IMPORT, {"text": text})
        assert (answer.status_code, said in plain(answer.text)) == (400, True), plain(answer.text)

    def test_is_read_only_where_a_slow_errand_has_room(self, console: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(console_room, "_ERRANDS", Seats(1, each=1))
        with console_room._ERRANDS.one(None):
            assert act(console, IMPORT, {"text": ""}).status_code == 429

    def test_with_nothing_to_change_ends_there(self, console: Browser) -> None:
        job = begun(console, f"{LIN},,客服热线\n")
        page = console.open(job).text
        assert ("There is nothing to change." in page, f"{job}/start" in page) == (True, False)

    def test_that_is_discarded_leaves_no_row(self, house: House, console: Browser) -> None:
        job = begun(console, SOME)
        assert "The import was discarded." in act(console, f"{job}/drop", follow=True).text
        assert console.open(job).status_code == 404
        assert (house.rows()["agent_imports"], house.rows()["agent_import_rows"]) == (0, 0)

    def test_is_forgotten_after_seven_days_and_says_no_name_in_the_database(
        self, house: House, console: Browser
    ) -> None:
        begun(console, SOME)
        with house.services.database.transaction() as transaction:
            kept = repr(transaction.execute(tables.agent_import_rows.select()).all())
        # Three letters by themselves stand in what is sealed by chance.
        assert not [name for name in (LIN, "New <One>", '"Lin"', "'Lin'") if name in kept]
        house.clock.advance(KEPT_FOR + 1)
        begun(operator(house), "a,A,\n")
        assert (house.rows()["agent_imports"], house.rows()["agent_import_rows"]) == (1, 1)


class TestTheRun:
    def test_does_every_row_and_tells_it(self, house: House, console: Browser, center: ContactCenter) -> None:
        job = started(console, SOME)
        assert 'max="2" value="0"' in console.open(job).text
        assert step(console, job) == {"total": 2, "done": 2, "stage": "over", "wait": 0, "trouble": ""}
        assert "Created 1, changed 1, deleted 0." in console.open(job).text
        assert (center.agents["new"].display_name, len(center.agents[LIN].groups)) == ("New <One>", 2)
        assert [(row["line"], row["act"], row["result"]) for row in report(console, job)] == [
            ("2", "create", "done"),
            ("3", "update", "done"),
            ("4", "frozen", "skipped"),
            ("5", "faulty", "skipped"),
            ("6", "unchanged", "skipped"),
        ]
        assert events(house) == [
            ("agents_imported", {"created": 1, "updated": 1, "deleted": 0, "refused": 0}),
            ("agents_import_begun", {"rows": 5, "needed": 2}),
        ]
        assert house.services.known_agents.state("contoso", "new") == "known"
        assert step(console, job)["stage"] == "over"
        assert len(events(house)) == 2
        assert "Finished" in console.open(IMPORT).text

    def test_goes_by_a_button_too_where_no_script_runs(self, console: Browser, center: ContactCenter) -> None:
        job = begun(console, "new,New,Sales\n")
        assert act(console, f"{job}/step").headers["Location"] == job
        act(console, f"{job}/start")
        assert "Created 1, changed 0, deleted 0." in act(console, f"{job}/step", follow=True).text
        assert "new" in center.agents

    def test_can_be_stopped_and_goes_on_later(
        self, house: House, console: Browser, center: ContactCenter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = started(console, "n1,N,\nn2,N,\n")
        monkeypatch.setattr(imports, "_AT_ONCE", 1)
        assert step(console, job)["done"] == 1
        page = plain(act(console, f"{job}/stop", follow=True).text)
        assert "Created 1, changed 0, deleted 0. Not done yet: 1." in page
        assert (step(console, job)["stage"], "n2" in center.agents) == ("asking", False)
        assert "Stopped" in plain(console.open(IMPORT).text)
        act(console, f"{job}/start")
        assert (step(console, job)["stage"], "n2" in center.agents) == ("over", True)
        assert [event for event, _ in events(house)][::-1].count("agents_import_stopped") == 1
        act(console, f"{job}/stop")
        assert step(console, job)["stage"] == "over"

    def test_does_twenty_rows_at_most_in_one_step(self, console: Browser) -> None:
        job = begun(console, "".join(f"n{number},N,\n" for number in range(21)))
        told = step(console, job)
        assert (told["stage"], told["total"], told["done"]) == ("looking", 21, 20)
        assert step(console, job)["stage"] == "asking"

    def test_asks_before_it_deletes(self, console: Browser, center: ContactCenter) -> None:
        others = "".join(f"{name},,客服热线\n" for name in center.agents if name != LIN)
        job = begun(console, others, delete_missing="yes")
        assert "1 agents are deleted and cannot take calls any more." in console.open(job).text
        act(console, f"{job}/start")
        while step(console, job)["stage"] != "over":
            pass
        assert LIN not in center.agents

    def test_a_refused_row_is_told_and_spoils_no_other(self, console: Browser, center: ContactCenter) -> None:
        job = started(console, f"new,New,Sales\n{LIN},Lin,Sales\n")
        center.hire("new", "Somebody else", groups=())
        assert step(console, job)["stage"] == "over"
        page = plain(console.open(job).text)
        assert "Created 0, changed 1, deleted 0. Refused: 1." in page
        assert [row["code"] for row in report(console, job)] == ["agent_exists", ""]

    def test_waits_for_a_contact_center_that_does_not_answer(
        self, house: House, console: Browser, center: ContactCenter
    ) -> None:
        job = begun(console, "new,New,Sales\n")
        house.world.faults.set("aiccs", "throttled_user", milliseconds=60_000)
        told = step(console, job)
        assert (told["stage"], told["done"], told["wait"], told["trouble"]) == ("looking", 0, 5, ANY)
        assert told["trouble"]
        house.world.faults.clear()
        step(console, job)
        act(console, f"{job}/start")
        house.world.faults.set("aiccs", "throttled_user", milliseconds=60_000)
        assert step(console, job)["done"] == 0
        house.world.faults.clear()
        assert step(console, job)["stage"] == "over"
        assert "new" in center.agents


class TestInterrupted:
    @pytest.mark.parametrize("was_sent", [True, False], ids=["sent", "not_sent"])
    def test_between_sending_and_noting_it_goes_on_without_doubles_or_holes(
        self, house: House, console: Browser, center: ContactCenter, monkeypatch: pytest.MonkeyPatch, *, was_sent: bool
    ) -> None:
        job = started(console, f"a,A,Sales\nb,B,Sales\n{LIN},Lin,Sales\n")
        perform = Hands.perform
        performed: list[str] = []

        def dying(self: Hands, step: Any, **how: Any) -> Any:
            performed.append(step.account_name)
            if step.account_name == "b" and performed.count("b") == 1:
                if was_sent:
                    perform(self, step, **how)
                raise StoreUnavailable(received="a process that was killed")
            return perform(self, step, **how)

        monkeypatch.setattr(Hands, "perform", dying)
        assert act(console, f"{job}/step").status_code == 503
        # The row is another's only when its owner must be gone; the rest goes on meanwhile.
        told = step(console, job)
        assert (told["stage"], told["done"]) == ("running", 2)
        assert step(console, job)["wait"] == 1
        house.clock.advance(61)
        assert step(console, job)["stage"] == "over"
        assert [row["result"] for row in report(console, job)] == ["done"] * 3
        assert house.world.count("/CreateAgent") == 2
        assert center.agents["b"].display_name == "B"

    def test_an_answer_that_was_lost_is_found_out_in_the_next_step(
        self, house: House, console: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = started(console, "a,A,Sales\n")
        monkeypatch.setattr(house.services.contact_center.client, "_pause", lambda _seconds: None)
        house.world.faults.set("aiccs", "write_lost", times=3)
        assert step(console, job)["trouble"]
        assert "Being found out" in console.open(job).text
        house.world.faults.clear()
        assert step(console, job)["stage"] == "over"
        assert (house.world.count("/CreateAgent"), report(console, job)[0]["result"]) == (3, "done")

    def test_whoever_was_thought_dead_notes_nothing(
        self, house: House, console: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = started(console, "a,A,Sales\n")
        perform = Hands.perform
        outer: list[str] = []

        def slow(self: Hands, step: Any, **how: Any) -> Any:
            if not outer:
                outer.append("here")
                house.clock.advance(61)
                assert other["stage"]() == "over"
            return perform(self, step, **how)

        tab = operator(house)
        other = {"stage": lambda: step(tab, job)["stage"]}
        monkeypatch.setattr(Hands, "perform", slow)
        assert step(console, job)["stage"] == "over"
        assert [event for event, _ in events(house)].count("agents_imported") == 1


class TestWhoMay:
    def test_the_connections_own_administrator_only(self, house: House, console: Browser) -> None:
        job = begun(console, "a,A,\n")
        lin = administrator(house, "contoso")
        assert lin.open(IMPORT).status_code == 403
        assert lin.open("/admin/connections/globex/agents/import").status_code == 200
        elsewhere = job.replace("contoso", "globex")
        for answer in (lin.open(elsewhere), act(lin, f"{elsewhere}/step"), act(lin, f"{elsewhere}/drop")):
            assert answer.status_code == 404

    @pytest.mark.parametrize("path", ["", "/start", "/step", "/drop"])
    def test_nothing_is_done_without_a_form_of_the_console(self, console: Browser, path: str) -> None:
        job = begun(console, "a,A,\n")
        answer: Response = console.submit(f"{job}{path}" if path else IMPORT, {"text": "account\na\n"}, follow=False)
        assert answer.status_code == 403

    def test_an_import_of_a_former_instance_or_key_is_not_gone_on_with(
        self, house: House, console: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = begun(console, "a,A,\n")
        opened = Imports._job

        def of_another(self: Imports, *arguments: Any) -> Any:
            found = opened(self, *arguments)
            assert found is not None
            object.__setattr__(found, "instance_id", "ccc_xp_other")
            return found

        with monkeypatch.context() as patch:
            patch.setattr(Imports, "_job", of_another)
            assert console.open(job).status_code == 404
        with house.services.database.transaction() as transaction:
            transaction.execute(tables.agent_imports.update().values(sealed="gone"))
        assert (console.open(job).status_code, console.open(IMPORT).status_code) == (404, 200)
