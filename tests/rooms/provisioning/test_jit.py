"""Agents who are made just in time: whom, with what, and whom never; the contact center is a stand-in here."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

from bridge.aiccs.agents import Agent
from bridge.aiccs.skill_groups import SkillGroup
from bridge.connections.secrets import KeyRing
from bridge.core import trace as steps
from bridge.core.contact_center_errors import AgentExists
from bridge.core.errors import (
    AgentFrozen,
    AgentUnknown,
    BridgeError,
    ContactCenterError,
    ContactCenterUnreachable,
    StoreUnavailable,
)
from bridge.core.model import AccountName, AiccsAccess, Connection, Mode, Provisioning, Secret
from bridge.core.trace import Trace
from bridge.db import Database, metadata
from bridge.ops.journal import Journal
from bridge.ops.metrics import Metrics
from bridge.ops.trail import Record, Search, Trail
from bridge.provisioning.jit import JustInTime
from bridge.provisioning.known_agents import KnownAgents, known_agents
from tests.contracts.customers import customer
from tests.kit.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bridge.aiccs.instance import Instance

NORA: Final = AccountName("nora@contoso.example")
CLAIMS: Final = {"name": "Nora Newcomer", "nickname": "Nora", "groups": ["sales-emea", "All"], "title": "lead"}
WANTED: Final = Provisioning(
    create_agents=True,
    skill_groups=("Hotline",),
    rules=("groups = sales-emea -> Sales, VIP", "title = boss -> 售后"),
)
CONNECTION: Final = customer(provisioning=WANTED, instance_id="ccc_xp_1")
GROUPS: Final = (SkillGroup(1, "hotline", "Hotline"), SkillGroup(2, "Sales", "Sales"), SkillGroup(3, "g3", "售后"))
ACTIVE: Final = Agent(NORA, "Nora", "7", "0", ("Sales",), (2,))
FROZEN: Final = replace(ACTIVE, status="1")
DELETED: Final = replace(ACTIVE, status="2")


class ContactCenter:
    """Agents and skill groups as somebody who signs in meets them.

    Args:
        agent: who is there at first.
        others: who is listed beside.
        answers: what CreateAgent and the look-ups raise, by name, once each.
    """

    def __init__(self, agent: Agent | None = None, **answers: BridgeError) -> None:
        self.agent, self.answers = agent, answers
        self.others: list[Agent] = []
        self.spelled: dict[str, Agent] = {}
        self.made: list[tuple[str, str, list[int], str]] = []
        self.asked: list[str] = []

    def look_up(self, _instance: Instance, account_name: str) -> Agent | None:
        self._say("look_up")
        return self.spelled.get(account_name, self.agent)

    def everyone(self, _instance: Instance) -> list[Agent]:
        self._say("everyone")
        return list(self.others)

    def every(self, _instance: Instance, _department_id: int | None = None) -> Iterator[SkillGroup]:
        self._say("groups")
        yield from GROUPS

    def create(
        self, _instance: Instance, account_name: str, display_name: str, group_ids: Sequence[int], *, token: str
    ) -> Agent:
        self.made.append((account_name, display_name, list(group_ids), token))
        self._say("create")
        self.agent = Agent(account_name, display_name, "7", "0")
        return self.agent

    def _say(self, name: str) -> None:
        self.asked.append(name)
        if name in self.answers:
            raise self.answers.pop(name)


class Desk:
    """A first sign-in's surroundings over a database in memory."""

    def __init__(self, center: ContactCenter) -> None:
        self.center, self.clock, self.may_make = center, Clock(), True
        self.database = Database("sqlite://")
        metadata.create_all(self.database.engine)
        self.known = KnownAgents(self.database, KeyRing([Secret("k" * 32)]), self.clock)
        self.trail = Trail(self.database, retention=9e9, per_connection=9, now=self.clock)
        self.pauses: list[float] = []
        self.trace = Trace()
        self.just_in_time = JustInTime(
            agents=center,  # type: ignore[arg-type]  # all that it is asked
            skill_groups=center,  # type: ignore[arg-type]  # likewise
            known=self.known,
            trail=self.trail,
            journal=Journal(Metrics(), self.trail, self.clock),
            may_make=lambda _connection: self.may_make,
            pause=self.pause,
        )
        self.while_waiting: Callable[[], object] = list

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.while_waiting()

    def sign_in(self, connection: Connection = CONNECTION, name: AccountName = NORA) -> list[tuple[str, str]]:
        """Let Nora or another in; return the steps of this one with their codes."""
        self.trace = Trace()
        self.just_in_time.ensure(connection, CLAIMS, name, self.trace)
        return self.steps()

    def refused(self, name: AccountName = NORA) -> BridgeError:
        with pytest.raises(BridgeError) as refusal:
            self.sign_in(name=name)
        assert self.steps() == [(steps.PROVISIONING, refusal.value.code)]
        return refusal.value

    def steps(self) -> list[tuple[str, str]]:
        return [(step.name, step.code) for step in self.trace.steps]

    @property
    def state(self) -> str | None:
        return self.known.state("contoso", NORA)

    def journal(self) -> list[Record]:
        return self.trail.search(Search(event="agent_created"))


@pytest.fixture
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    made = Desk(getattr(request, "param", ContactCenter)())
    yield made
    made.database.close()


def beginning_with(*centers: Callable[[], ContactCenter]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("desk", centers, indirect=True, ids=[str(place) for place in range(len(centers))])


class TestSomebodyNew:
    def test_gets_an_agent_with_a_name_and_groups(self, desk: Desk) -> None:
        assert desk.sign_in() == [(steps.PROVISIONING, "ok")]
        ((account_name, display_name, group_ids, token),) = desk.center.made
        assert (account_name, display_name, group_ids, len(token)) == (NORA, "Nora Newcomer", [1, 2], 36)
        (record,) = desk.journal()
        assert (record.person, record.connection, record.actor) == (NORA, "contoso", "")
        assert record.details == {
            "skill_groups": "Hotline, Sales",
            "unknown_groups": "VIP",
            "rules": "groups = sales-emea -> Sales, VIP",
        }

    def test_is_looked_for_never_again(self, desk: Desk) -> None:
        desk.sign_in()
        desk.center.asked.clear()
        assert (desk.sign_in(), desk.center.asked) == ([], [])

    @pytest.mark.parametrize(
        ("path", "claims", "name"),
        [
            ("nickname", CLAIMS, "Nora"),
            ("missing", CLAIMS, "Nora Newcomer"),
            ("groups", CLAIMS, "Nora Newcomer"),
            ("", {"preferred_username": "nn"}, "nn"),
            ("", {}, NORA),
            ("name", {"name": " \u202eA\x00\ud83dB "}, "AB"),
            ("name", {"name": "长" * 300}, "长" * 255),
        ],
        ids=["field", "missing", "a list", "usual", "nothing", "unshowable", "long"],
    )
    def test_is_called_as_the_claims_say(self, desk: Desk, path: str, claims: dict[str, Any], name: str) -> None:
        connection = replace(CONNECTION, provisioning=Provisioning(create_agents=True, display_name=path))
        desk.just_in_time.ensure(connection, claims, NORA, desk.trace)
        assert [(made[1], made[2]) for made in desk.center.made] == [(name, [])]
        assert desk.center.asked == ["look_up", "everyone", "create"], "nobody wants to know the groups"


class TestSomebodyWhoIsThere:
    @beginning_with(partial(ContactCenter, ACTIVE))
    def test_is_remembered_and_left_as_is(self, desk: Desk) -> None:
        assert (desk.sign_in(), desk.center.asked, desk.state) == ([(steps.PROVISIONING, "ok")], ["look_up"], "known")
        assert desk.journal() == []

    @beginning_with(partial(ContactCenter, replace(ACTIVE, status="9")))
    def test_in_a_state_that_nobody_knows_is_left_to_fuyun(self, desk: Desk) -> None:
        assert (desk.sign_in(), desk.center.asked, desk.state) == ([(steps.PROVISIONING, "ok")], ["look_up"], None)

    @beginning_with(partial(ContactCenter, FROZEN))
    def test_but_frozen_stays_frozen_and_comes_back_by_being_thawed(self, desk: Desk) -> None:
        assert isinstance(desk.refused(), AgentFrozen)
        desk.center.agent = None
        assert isinstance(desk.refused(), AgentUnknown), "deleted while frozen"
        desk.center.agent = ACTIVE
        desk.sign_in()
        assert (desk.state, desk.center.made) == ("known", [])


class TestSomebodyWhoWasDeleted:
    @beginning_with(partial(ContactCenter, DELETED))
    def test_stays_so_also_when_the_contact_center_tells_nothing_any_more(self, desk: Desk) -> None:
        assert (desk.refused().received, desk.state) == ("deleted", "barred")
        desk.center.agent = None
        assert desk.refused().received == "deleted"
        assert desk.center.made == []

    @pytest.mark.parametrize("event", ["sign_in", "handoff", "token_issued"])
    def test_is_told_by_the_journal_of_earlier_days(self, desk: Desk, event: str) -> None:
        desk.trail.add(Record(desk.clock(), event, "contoso", "ok", person=NORA))
        assert isinstance(desk.refused(), AgentUnknown)
        assert (desk.center.made, desk.state) == ([], "barred")

    def test_is_not_whoever_failed_or_came_elsewhere_or_is_called_alike(self, desk: Desk) -> None:
        for connection, code, person in (
            ("contoso", "exchange_rejected", NORA),
            ("globex", "ok", NORA),
            ("contoso", "ok", f"{NORA}.cn"),
            ("contoso", "ok", f"{NORA[:-1]}È"),
        ):
            desk.trail.add(Record(desk.clock(), "sign_in", connection, code, person=person))
        desk.sign_in()
        assert len(desk.center.made) == 1

    @beginning_with(partial(ContactCenter, DELETED), ContactCenter)
    def test_comes_back_by_an_administrators_word_only(self, desk: Desk) -> None:
        desk.known.bar("contoso", NORA)
        desk.refused()
        desk.known.forget("contoso", NORA)
        assert desk.sign_in() == [(steps.PROVISIONING, "ok")]
        assert (len(desk.center.made), desk.state) == (1, "known")


SPELLINGS: Final = {
    "case": AccountName("Nora@Contoso.example"),
    "full width": AccountName("nora\uff20contoso.example"),
    "both": AccountName("NORA\uff20\uff23ontoso.example"),
}


@pytest.mark.parametrize("name", SPELLINGS.values(), ids=SPELLINGS)
class TestAnotherSpelling:
    def test_of_one_who_was_deleted_or_frozen_gets_nobody_an_agent(self, desk: Desk, name: AccountName) -> None:
        desk.known.bar("contoso", NORA)
        assert (desk.refused(name).received, desk.center.made) == ("deleted", [])

    def test_of_one_who_came_in_earlier_days_is_told_by_the_journal(self, desk: Desk, name: AccountName) -> None:
        desk.trail.add(Record(desk.clock(), "sign_in", "contoso", "ok", person=NORA))
        assert (desk.refused(name).received, desk.center.made) == ("deleted", [])

    def test_of_an_agent_who_is_there_gets_no_second_one(self, desk: Desk, name: AccountName) -> None:
        desk.center.others = [FROZEN]
        refusals = [desk.refused(name), desk.refused(name)]
        assert {(type(one), one.received) for one in refusals} == {(AgentUnknown, "another spelling")}
        assert (desk.center.made, desk.state, desk.center.asked.count("everyone")) == ([], None, 1)

    @pytest.mark.parametrize(
        ("agent", "word", "made"),
        [(FROZEN, "", 0), (DELETED, "", 0), (FROZEN, "free", 0), (DELETED, "free", 1)],
        ids=["frozen", "deleted", "frozen though allowed", "deleted and allowed"],
    )
    def test_of_one_who_stands_in_no_list_is_asked_for(
        self, desk: Desk, name: AccountName, agent: Agent, word: str, made: int
    ) -> None:
        desk.center.spelled[NORA] = agent
        if word:
            desk.known.forget("contoso", NORA)
            desk.center.agent = None
        if made:
            desk.sign_in(name=name)
        else:
            assert desk.refused(name).received == "another spelling"
        assert len(desk.center.made) == made


class TestANewcomerWhomNobodyVouchesFor:
    @pytest.mark.parametrize(
        ("claims", "made"),
        [
            ({"email": NORA, "email_verified": False}, 0),
            ({"email": NORA, "email_verified": True}, 1),
            ({"email": "other@contoso.example", "email_verified": True}, 0),
            ({"email": NORA}, 1),
        ],
        ids=["unverified", "verified", "another address", "untold"],
    )
    @pytest.mark.parametrize("mode", ["oauth", "jwt"])
    def test_gets_no_agent_in_mode_oauth(self, desk: Desk, mode: Mode, claims: dict[str, Any], made: int) -> None:
        connection = replace(CONNECTION, mode=mode, mapping_field="email")
        desk.just_in_time.ensure(connection, claims, NORA, desk.trace)
        assert len(desk.center.made) == (made if mode == "oauth" else 1)

    def test_is_somebody_whose_account_is_no_mailbox(self, desk: Desk) -> None:
        connection = replace(CONNECTION, mode="oauth", mapping_field="employee")
        desk.just_in_time.ensure(connection, {"employee": NORA, "email_verified": False}, NORA, desk.trace)
        assert len(desk.center.made) == 1


def test_where_no_operator_let_it_make_agents_for_others_the_sign_in_goes_on_without(desk: Desk) -> None:
    desk.may_make = False
    assert (desk.sign_in(), desk.center.made, desk.state) == ([(steps.PROVISIONING, "ok")], [], None)


class TestSomebodyWhoCame:
    """…while another sign-in of the same person is making the agent."""

    def test_waits_for_it(self, desk: Desk) -> None:
        desk.known.claim("contoso", NORA)
        desk.while_waiting = lambda: desk.known.remember("contoso", NORA)
        assert (desk.sign_in(), desk.center.made, len(desk.pauses)) == ([(steps.PROVISIONING, "ok")], [], 1)

    def test_gives_up_after_a_while_and_may_try_again(self, desk: Desk) -> None:
        desk.known.claim("contoso", NORA)
        refusal = desk.refused()
        assert (refusal.retryable, desk.center.made) == (True, [])
        assert sum(desk.pauses) == pytest.approx(10)

    def test_goes_on_where_that_one_failed(self, desk: Desk) -> None:
        claim = desk.known.claim("contoso", NORA)
        assert claim is not None
        desk.while_waiting = lambda: desk.known.release(claim)
        desk.clock.advance(1)
        desk.sign_in()
        assert [made[3] for made in desk.center.made] == [claim.client_token]

    def test_is_refused_where_that_one_was(self, desk: Desk) -> None:
        desk.known.claim("contoso", NORA)
        desk.while_waiting = lambda: desk.known.bar("contoso", NORA)
        assert desk.refused().received == "deleted"

    def test_is_no_old_acquaintance_because_that_one_was_faster(self, desk: Desk) -> None:
        look_up = desk.center.look_up

        def look_up_slowly(instance: Instance, account_name: str) -> Agent | None:
            found = look_up(instance, account_name)
            desk.known.remember("contoso", NORA)
            desk.trail.add(Record(desk.clock(), "sign_in", "contoso", "ok", person=NORA))
            return found

        desk.center.look_up = look_up_slowly  # type: ignore[method-assign,assignment]
        assert (desk.sign_in(), desk.state) == ([(steps.PROVISIONING, "ok")], "known")

    def test_after_one_whose_answer_was_lost_tells_the_journal(self, desk: Desk) -> None:
        claim = desk.known.claim("contoso", NORA)
        desk.center.agent = ACTIVE
        desk.sign_in()
        assert (desk.journal(), desk.state) == ([], "known"), "the other one is still at it"
        assert claim is not None
        with desk.database.transaction() as transaction:
            transaction.execute(known_agents.update().values(state="claimed", claimed_at=0.0))
        desk.sign_in()
        assert ([one.person for one in desk.journal()], desk.state) == ([NORA], "known")


LOST: Final = ContactCenterUnreachable(expected="an answer", received="none in time")
REFUSED: Final = ContactCenterError(expected="an answer", received="NoPermission")


class TestTheContactCenter:
    @beginning_with(partial(ContactCenter, look_up=LOST), partial(ContactCenter, look_up=REFUSED))
    def test_that_cannot_be_asked_stops_nobody(self, desk: Desk) -> None:
        ((name, code),) = desk.sign_in()
        assert (name, code in {LOST.code, REFUSED.code}, desk.center.made, desk.state) == (
            steps.PROVISIONING,
            True,
            [],
            None,
        )

    @beginning_with(
        partial(ContactCenter, create=LOST),
        partial(ContactCenter, create=REFUSED),
        partial(ContactCenter, groups=LOST),
        partial(ContactCenter, groups=REFUSED),
    )
    def test_that_makes_none_has_its_say_and_is_asked_again_under_the_same_token(self, desk: Desk) -> None:
        desk.refused()
        assert (desk.journal(), desk.state) == ([], "claimed")
        desk.sign_in()
        assert len({made[3] for made in desk.center.made}) == 1
        assert (len(desk.journal()), desk.state) == (1, "known")

    @pytest.mark.parametrize(
        ("there", "code", "state"),
        [(ACTIVE, "ok", "known"), (FROZEN, "agent_frozen", "barred"), (None, "agent_exists", "claimed")],
        ids=["active", "frozen", "none"],
    )
    def test_that_has_the_agent_by_now_is_looked_at_anew(
        self, desk: Desk, there: Agent | None, code: str, state: str
    ) -> None:
        def exists(*_: object, **__: object) -> Agent:
            desk.center.agent = there
            raise AgentExists

        desk.center.create = exists  # type: ignore[method-assign]
        if code == "ok":
            desk.sign_in()
        else:
            desk.refused()
        assert (desk.steps(), desk.state, desk.journal()) == ([(steps.PROVISIONING, code)], state, [])


class TestAConnectionWithoutIt:
    @pytest.mark.parametrize(
        "changes",
        [
            {"provisioning": None},
            {"provisioning": replace(WANTED, create_agents=False)},
            {"aiccs": None},
            {"instance_id": ""},
        ],
        ids=["no table", "off", "no access", "no instance"],
    )
    def test_asks_and_reads_nothing(self, changes: dict[str, Any]) -> None:
        nothing: Any = None
        just_in_time = JustInTime(
            agents=nothing,
            skill_groups=nothing,
            known=nothing,
            trail=nothing,
            journal=nothing,
            may_make=nothing,
            pause=nothing,
        )
        trace = Trace()
        just_in_time.ensure(replace(CONNECTION, **changes), CLAIMS, NORA, trace)
        assert trace.steps == []


def test_a_database_that_does_not_answer_keeps_nobody_out_and_makes_nobody_an_agent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(desk.known, "state", gone)
    assert (desk.sign_in(), desk.center.asked) == ([], [])


class TestThePreview:
    def test_says_what_would_be_made_and_makes_nothing(self, desk: Desk) -> None:
        desk.just_in_time.foretell(CONNECTION, CLAIMS, NORA, desk.trace)
        new = desk.trace.new_agent
        assert new is not None
        assert (new.display_name, new.skill_groups, new.unknown_groups) == (
            "Nora Newcomer",
            ("Hotline", "Sales", "VIP"),
            ("VIP",),
        )
        assert (new.rules, new.is_checked, new.was_known) == ((WANTED.rules[0],), True, False)
        assert (desk.center.made, desk.state, desk.steps()) == ([], None, [])

    @beginning_with(partial(ContactCenter, groups=LOST))
    def test_leaves_open_what_the_contact_center_does_not_tell(self, desk: Desk) -> None:
        new = desk.just_in_time.preview(CONNECTION, CLAIMS, NORA)
        assert new is not None
        assert (new.is_checked, new.unknown_groups) == (False, ())

    def test_knows_who_had_an_agent(self, desk: Desk) -> None:
        desk.trail.add(Record(desk.clock(), "sign_in", "contoso", "ok", person=NORA))
        told = [desk.just_in_time.preview(CONNECTION, CLAIMS, name) for name in (NORA, "kim")]
        desk.known.bar("contoso", "kim")
        told.append(desk.just_in_time.preview(replace(CONNECTION, aiccs=None), CLAIMS, "kim"))
        assert [one and one.was_known for one in told] == [True, False, True]

    def test_is_only_for_connections_that_make_agents(self, desk: Desk) -> None:
        off = replace(CONNECTION, provisioning=replace(WANTED, create_agents=False))
        for connection in (replace(CONNECTION, provisioning=None), off):
            desk.just_in_time.foretell(connection, CLAIMS, NORA, desk.trace)
        assert desk.trace.new_agent is None
        assert desk.just_in_time.preview(replace(CONNECTION, provisioning=None), CLAIMS, NORA) is None


def test_the_access_key_is_told_to_nobody(desk: Desk) -> None:
    access = AiccsAccess(Secret("LTAI-secret-id"), Secret("secret-of-it"))
    desk.sign_in(replace(CONNECTION, aiccs=access))
    assert "secret" not in f"{desk.trace} {desk.journal()}"
