"""The pages about rehearsals: what they show, what they refuse, and in whose words."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest

from bridge.core.trace import Trace
from tests.kit.desk import act, form_token, operator, saved, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from requests import Response

    from tests.kit.browser import Browser
    from tests.kit.house import House

from tests.kit.house import build_house, demo_settings

HERE = "/admin/connections/globex/rehearsals"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A bridge with one connection of the file, and one draft of the console."""
    built = build_house(demo_settings(tmp_path, connections=("contoso",)))
    saved(built, table("globex"), active=False)
    yield built
    built.services.database.close()


@pytest.fixture
def admin(house: House) -> Browser:
    return operator(house)


def words(page: Response) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.text)))


def pasted(admin: Browser, text: str, **more: str) -> Response:
    return act(admin, f"{HERE}/claims", {"claims": text, **more})


class TestTheList:
    def test_is_empty_at_first(self, admin: Browser) -> None:
        assert "None yet." in words(admin.open(HERE))

    def test_names_who_and_how_it_ended(self, admin: Browser) -> None:
        admin.choose(admin.open("/login/globex/rehearsal"), "lin")
        admin.choose(admin.open("/login/globex/rehearsal"), "bo")
        text = words(admin.open(HERE))
        assert "Test passed" in text
        assert "mapping_field_missing" in text
        assert text.count("operator at the command line") >= 2

    def test_speaks_of_the_version_that_is_asked_for(self, house: House, admin: Browser) -> None:
        saved(house, table("globex", mapping_field="email"), active=False)
        assert "Version 2" in words(admin.open(HERE))
        page = admin.open(f"{HERE}?version=1")
        assert "Version 1" in words(page)
        assert "/login/globex/rehearsal?version=1" in page.text

    @pytest.mark.parametrize("version", ["x", "-1", "²", "1.0", "1" * 10, "1&version=2"])
    def test_a_version_that_is_no_number_is_refused(self, admin: Browser, version: str) -> None:
        assert admin.open(f"{HERE}?version={version}").status_code == 400

    def test_a_version_that_was_never_made_is_unknown(self, admin: Browser) -> None:
        assert admin.open(f"{HERE}?version=9").status_code == 404

    def test_an_unknown_connection_is_unknown(self, admin: Browser) -> None:
        assert admin.open("/admin/connections/nowhere/rehearsals").status_code == 404


class TestPastedClaims:
    def test_show_the_account_and_the_fields(self, house: House, admin: Browser) -> None:
        before = house.rows()
        page = pasted(admin, '{"preferred_username": "lin", "employee": "7", "groups": ["a"]}')
        assert page.status_code == 200
        text = words(page)
        assert "Value of the mapping field preferred_username lin" in text
        assert "Use this field" in text
        assert "A list or a group of values" in text
        assert house.rows() == before

    def test_say_what_is_missing(self, admin: Browser) -> None:
        assert "sent no field “preferred_username”" in words(pasted(admin, '{"sub": "1"}'))

    def test_that_are_no_json_are_kept_in_the_form(self, admin: Browser) -> None:
        page = pasted(admin, '{"name": "<b>Lin</b>",}')
        assert "stops being JSON in line 1" in words(page)
        assert "{&#34;name&#34;: &#34;&lt;b&gt;Lin&lt;/b&gt;&#34;,}</textarea>" in page.text

    def test_are_written_safely_into_the_page(self, admin: Browser) -> None:
        page = pasted(admin, '{"preferred_username": "<script>alert(1)</script>"}')
        assert "<script>alert(1)" not in page.text

    def test_need_the_consoles_own_form(self, admin: Browser) -> None:
        refused = admin.submit(f"{HERE}/claims", {"claims": "{}", "csrf_token": "invented"})
        assert (refused.status_code, "csrf_failed" in refused.text) == (403, True)

    def test_are_refused_from_another_site(self, admin: Browser) -> None:
        sent = {"claims": "{}", "csrf_token": form_token(admin)}
        assert admin.submit(f"{HERE}/claims", sent, Origin="https://evil.example").status_code == 403


class TestTheTestLink:
    def test_is_shown_once_and_journaled_without_its_token(self, house: House, admin: Browser) -> None:
        page = act(admin, "/admin/connections/globex/test-link")
        token = page.text.split("/test/")[1].split("<")[0]
        assert token not in admin.open(HERE).text
        record = next(one for one in house.journal() if one.event == "test_link_made")
        assert (record.connection, record.actor) == ("globex", "operator at the command line")
        assert token not in str(record)

    def test_needs_the_consoles_own_form(self, admin: Browser) -> None:
        assert admin.submit("/admin/connections/globex/test-link", {"csrf_token": ""}).status_code == 403

    def test_leads_nowhere_once_the_connection_is_gone(self, house: House, admin: Browser) -> None:
        page = act(admin, "/admin/connections/globex/test-link")
        house.services.changes.remove("globex", actor="somebody")
        assert house.browser().open(f"/test/{page.text.split('/test/')[1].split('<')[0]}").status_code == 404


class TestAnotherConnectionOfTheName:
    """A name can be taken again once its connection is removed: nothing of the former one is shown then."""

    def test_shows_no_rehearsal_of_the_former(self, house: House, admin: Browser) -> None:
        page = admin.choose(admin.open("/login/globex/rehearsal"), "lin")
        self.taken_again(house)
        assert "None yet." in words(admin.open(HERE))
        assert admin.open(page.url).status_code == 404

    def test_shows_none_that_came_late(self, house: House, admin: Browser) -> None:
        former = house.services.register.connection("globex", 1)
        self.taken_again(house)
        late = house.services.rehearsals.keep(former, "d" * 64, Trace(), by="lin")
        assert "None yet." in words(admin.open(HERE))
        assert admin.open(f"/rehearsals/{late.id}").status_code == 404

    def test_is_not_opened_by_a_link_of_the_former(self, house: House, admin: Browser) -> None:
        token = act(admin, "/admin/connections/globex/test-link").text.split("/test/")[1].split("<")[0]
        self.taken_again(house)
        late = house.services.rehearsals.new_link("globex", 1, made_by="lin")
        for address in (f"/test/{token}", f"/login/globex/rehearsal?link={token}", f"/test/{late}"):
            refused = house.browser().open(address)
            assert (refused.status_code, "rehearsal_link_invalid" in refused.text) == (404, True)

    def taken_again(self, house: House) -> None:
        house.services.changes.remove("globex", actor="somebody")
        saved(house, table("globex"), active=False)


class TestTheResult:
    def test_of_the_files_connection_offers_no_change(self, admin: Browser) -> None:
        page = admin.choose(admin.open("/login/contoso/rehearsal"), "bo")
        text = words(page)
        assert "comes from the configuration file" in text
        assert "Use this field" not in text

    def test_of_the_version_in_use_says_so(self, admin: Browser) -> None:
        page = admin.choose(admin.open("/login/contoso/rehearsal"), "lin")
        assert "this version is in use, and it works" in words(page)

    def test_of_an_older_version_names_the_newer_one(self, house: House, admin: Browser) -> None:
        page = admin.choose(admin.open("/login/globex/rehearsal"), "lin")
        saved(house, table("globex", mapping_field="email"), active=False)
        assert "There is a newer version of this connection: 2" in words(admin.open(page.url))

    def test_shows_whole_values_of_both_documents(self, admin: Browser) -> None:
        text = words(admin.choose(admin.open("/login/globex/rehearsal"), "lin"))
        assert "Claims of the ID token" in text
        assert "Answer of the user endpoint" in text
        assert "248289761001" in text

    def test_holds_no_token(self, house: House, admin: Browser) -> None:
        page = admin.choose(admin.open("/login/globex/rehearsal"), "lin")
        assert "eyJ" not in page.text
        assert house.services.rehearsals.get(page.url.rsplit("/", 1)[1]).code == "ok"
