"""From a person to a Fuyun token: whichever of two keys is the right one, for exactly the agent who was asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bridge.core.errors import (
    AgentMismatch,
    AgentUnknown,
    BridgeError,
    ConnectionModeUnsuited,
    ExchangeRejected,
    ExchangeUnreachable,
)
from bridge.core.mapping import account_name_of
from bridge.core.model import (
    NO_SECRET,
    AccountName,
    Connection,
    FuyunApp,
    FuyunToken,
    IdentityProvider,
    JwtSigning,
    Secret,
    SubjectToken,
)
from bridge.core.trace import Trace
from bridge.sandbox.keys import new_rsa, private_pem, public_pem
from bridge.signin.issue import Issue
from tests.kit.house import build_house, change, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.house import House

ISSUER = "https://crm.example.com"
LIN = AccountName("lin")
CONNECTION = Connection("crm", "CRM", IdentityProvider("none", ""), FuyunApp("app", NO_SECRET), mode="jwt")


class Offers:
    """A strategy with several subject tokens; tells which were asked for."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = tokens
        self.made: list[str] = []

    def subject_tokens(self, *_: object) -> Iterator[SubjectToken]:
        for token in self.tokens:
            self.made.append(token)
            yield SubjectToken(token, ISSUER)


class Fuyun:
    """An exchange whose answer to each subject token is known beforehand."""

    def __init__(self, **answers: BridgeError | str) -> None:
        self.answers = answers

    def exchange(self, _: FuyunApp, subject: SubjectToken) -> FuyunToken:
        answer = self.answers[subject.token]
        if isinstance(answer, BridgeError):
            raise answer
        return FuyunToken(f"for {subject.token}", "bearer", 0, unverified_user_name=answer)


def refusal(received: str) -> ExchangeRejected:
    return ExchangeRejected(received=received)


def issue(offers: Offers, fuyun: Fuyun) -> Issue:
    return Issue({"jwt": offers, "oauth": offers}, fuyun, lambda *_: None)  # type: ignore[arg-type]  # all that it asks of an exchange


class TestTheSecondSubjectToken:
    def test_is_not_even_made_where_the_first_is_taken(self) -> None:
        offers = Offers("due", "other")
        token = issue(offers, Fuyun(due="lin")).obtain(CONNECTION, "", LIN, Trace())
        assert (token.access_token, offers.made) == ("for due", ["due"])

    def test_is_tried_where_the_first_is_refused(self) -> None:
        offers = Offers("due", "other")
        token = issue(offers, Fuyun(due=refusal("invalid_grant"), other="lin")).obtain(CONNECTION, "", LIN, Trace())
        assert (token.access_token, offers.made) == ("for other", ["due", "other"])

    def test_does_not_hide_why_the_first_was_refused(self) -> None:
        fuyun = Fuyun(due=refusal("NoAgentFound"), other=refusal("invalid_grant"))
        with pytest.raises(ExchangeRejected, match="received NoAgentFound"):
            issue(Offers("due", "other"), fuyun).obtain(CONNECTION, "", LIN, Trace())

    @pytest.mark.parametrize("at", ["due", "other"])
    def test_is_no_answer_to_an_outage(self, at: str) -> None:
        answers: dict[str, BridgeError | str] = {"due": refusal("invalid_grant"), at: ExchangeUnreachable()}
        offers = Offers("due", "other", "never")
        with pytest.raises(ExchangeUnreachable):
            issue(offers, Fuyun(**answers)).obtain(CONNECTION, "", LIN, Trace())
        assert offers.made[-1] == at

    def test_is_cross_checked_like_the_first(self) -> None:
        fuyun = Fuyun(due=refusal("invalid_grant"), other="wang")
        with pytest.raises(AgentMismatch):
            issue(Offers("due", "other"), fuyun).obtain(CONNECTION, "", LIN, Trace())


@pytest.mark.parametrize("mode", ["oauth", "frontend"])
def test_only_in_mode_jwt_somebody_can_be_vouched_for_who_is_not_here(mode: str) -> None:
    connection, offers = replace(CONNECTION, mode=mode), Offers("token")  # type: ignore[arg-type]
    with pytest.raises(ConnectionModeUnsuited, match=f"received mode {mode}"):
        issue(offers, Fuyun()).on_behalf(connection, LIN, Trace())
    assert offers.made == []


def test_a_strategy_without_any_subject_token_gets_no_fuyun_token() -> None:
    with pytest.raises(ExchangeRejected, match="expected a subject token, received none"):
        issue(Offers(), Fuyun()).obtain(CONNECTION, "", LIN, Trace())


class TestTheContactCenter:
    @staticmethod
    def asked_about(fuyun: Fuyun) -> tuple[list[str], type[BridgeError] | None]:
        """Vouch for Lin; returns about whom the contact center was asked, and how it ended."""
        asked: list[str] = []

        def has_nobody(_: Connection, account_name: AccountName, __: Trace) -> None:
            asked.append(account_name)
            raise AgentUnknown

        vouching = Issue({"jwt": Offers("due", "other")}, fuyun, has_nobody)  # type: ignore[arg-type]
        try:
            vouching.on_behalf(CONNECTION, LIN, Trace())
        except BridgeError as fault:
            return asked, type(fault)
        return asked, None

    def test_says_why_where_fuyun_refused(self) -> None:
        refused = Fuyun(due=refusal("invalid_grant"), other=refusal("invalid_grant"))
        assert self.asked_about(refused) == (["lin"], AgentUnknown)

    def test_is_not_asked_where_fuyun_gave_a_token_or_no_answer(self) -> None:
        assert self.asked_about(Fuyun(due="lin")) == ([], None)
        assert self.asked_about(Fuyun(due=ExchangeUnreachable())) == ([], ExchangeUnreachable)
        assert self.asked_about(Fuyun(due="wang")) == ([], AgentMismatch)


def test_the_trace_tells_who_was_asked_for_and_who_came() -> None:
    trace = Trace()
    issue(Offers("due"), Fuyun(due="lin")).on_behalf(CONNECTION, LIN, trace)
    assert (trace.account_name, trace.user_name, trace.failed) == ("lin", "lin", None)


# The whole road of a name ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    key = new_rsa()
    signing = JwtSigning(ISSUER, Secret(private_pem(key)))
    given = demo_settings(tmp_path_factory.mktemp("platform"))
    house = build_house(change(given, "globex", lambda one: replace(one, mode="jwt", jwt=signing)))
    house.world.use_jwt("globex", ISSUER, public_pem(key.public_key()))
    yield house
    house.services.database.close()


NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=255)


@given(name=NAMES)
@example(name="王芳")
@example(name="wang.fang+crm@contoso.example")
@example(name="+86 138 0000 0001")
@example(name="e\u0301cole")
@example(name="値班😀👩🏽")
@example(name="字" * 255)
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_fuyuns_token_is_for_the_very_name_that_was_given(platform: House, name: str) -> None:
    platform.world.add_agent(name)
    connection = platform.services.connections.get("globex")
    token = platform.services.issue.on_behalf(connection, account_name_of(name), Trace())
    assert token.unverified_user_name == name


def test_the_two_spellings_of_one_letter_are_two_names(platform: House) -> None:
    platform.world.add_agent("Zo\u00e9")
    connection = platform.services.connections.get("globex")
    with pytest.raises(AgentUnknown):
        platform.services.issue.on_behalf(connection, account_name_of("Zoe\u0301"), Trace())
