"""Fuyun tokens and hand-offs for agents for whom the platform itself vouches."""

from __future__ import annotations

from urllib.parse import quote

from pydantic import Field

from bridge.core.errors import (
    AgentFrozen,
    AgentMismatch,
    AgentUnknown,
    ConnectionModeUnsuited,
    ExchangeAnswerInvalid,
    ExchangeRejected,
    ExchangeUnreachable,
    RequestInvalid,
)
from bridge.core.landing import HOME, LONGEST, safe_landing
from bridge.core.mapping import account_name_of
from bridge.core.trace import Trace
from bridge.http.api import Call, Desk, Message, Nothing
from bridge.http.current import services
from bridge.http.problem import Context, in_context
from bridge.signin.handoff import LIFETIME

desk = Desk("tokens", "Tokens and hand-offs")

_LONGEST_NAME = 255
_ACCOUNT_NAME = Field(
    min_length=1,
    max_length=_LONGEST_NAME,
    description="AccountName of the agent in the contact center: 1 to 255 printable characters, as they were given "
    "when the agent was created.",
    examples=["lin@contoso.example"],
)


class TokenRequest(Message):
    """For whom a token is wanted."""

    account_name: str = _ACCOUNT_NAME


class TokenAnswer(Message):
    """Fuyun's token, and whose it is."""

    access_token: str = Field(
        description="Opaque; it lives long and cannot be recalled, so keep it as a password.", examples=["…"]
    )
    token_type: str = Field(examples=["bearer"])
    expires_in: int = Field(description="Seconds from now.", examples=[2591999])
    scope: str = Field(examples=["user_management,hotline"])
    account_name: str = Field(examples=["lin@contoso.example"])
    instance_id: str = Field(description="The contact center's instance, for the hotline SDK.", examples=["ccc_xp_1"])


class HandoffRequest(Message):
    """Whom the platform hands over, and where to."""

    account_name: str = _ACCOUNT_NAME
    display_name: str = Field(
        default="",
        max_length=_LONGEST_NAME,
        description="What the page calls the person; empty: the account name.",
        examples=["Lin"],
    )
    next: str = Field(
        default=HOME, max_length=LONGEST, description="Path of the bridge to open, with its query.", examples=[HOME]
    )


class HandoffAnswer(Message):
    """Where to send the person's browser."""

    url: str = Field(
        description="Good once. Open it in the browser at once; store it nowhere.",
        examples=["https://phone.example.com/handoff/contoso/…"],
    )
    expires_in: int = Field(description="Seconds from now.", examples=[LIFETIME])
    expires_at: int = Field(description="Seconds since the epoch.", examples=[1795378688])


_FUYUN = (
    ConnectionModeUnsuited,
    AgentUnknown,
    AgentFrozen,
    AgentMismatch,
    ExchangeRejected,
    ExchangeAnswerInvalid,
    ExchangeUnreachable,
)


@desk.operation(
    "POST",
    "/connections/<connection>/token",
    scope="token",
    takes=TokenRequest,
    gives=TokenAnswer,
    refuses=_FUYUN,
)
def issue_token(call: Call[TokenRequest, Nothing]) -> TokenAnswer:
    """Get an agent's Fuyun token.

    The connection must be in mode `jwt`: the bridge signs a JWT that names the agent and exchanges it at Fuyun. Each
    request without an `Idempotency-Key` makes a new token.
    """
    account_name = account_name_of(call.body.account_name)
    trace = Trace()
    in_context(Context("token_issued", call.connection.name, trace=trace, details={"api_key": call.key.id}))
    fuyun = services().issue.on_behalf(call.connection, account_name, trace)
    services().journal.record_issue(
        "token_issued",
        connection=call.connection.name,
        person=account_name,
        api_key=call.key.id,
        fuyun_jti=fuyun.jti,
    )
    return TokenAnswer(
        access_token=fuyun.access_token,
        token_type=fuyun.token_type,
        expires_in=max(int(fuyun.expires_at - services().now()), 0),
        scope=fuyun.scope or call.connection.fuyun.scope,
        account_name=account_name,
        instance_id=call.connection.instance_id,
    )


@desk.operation(
    "POST",
    "/connections/<connection>/handoff",
    scope="token",
    takes=HandoffRequest,
    gives=HandoffAnswer,
    refuses=(ConnectionModeUnsuited,),
)
def offer_handoff(call: Call[HandoffRequest, Nothing]) -> HandoffAnswer:
    """Hand a person over to the softphone.

    Answers with an address that opens the phone in that person's browser, signed in: for platforms whose people are
    signed in already. It is good once and for 60 seconds, so ask for it when the person clicks. Whoever opens it is
    signed in as that agent: send the person's own browser there, and never put it into a mail or a chat.
    """
    asked = call.body
    if safe_landing(asked.next) != asked.next:
        raise RequestInvalid(expected="next as a path of the bridge", received="another text")
    if asked.display_name and not asked.display_name.isprintable():
        raise RequestInvalid(expected="display_name of printable characters", received="another text")
    account_name = account_name_of(asked.account_name)
    code, expires_at = services().handoffs.offer(
        call.connection,
        account_name,
        display_name=asked.display_name.strip(),
        landing=asked.next,
        api_key=call.key.id,
    )
    services().journal.record_issue(
        "handoff_offered", connection=call.connection.name, person=account_name, api_key=call.key.id
    )
    return HandoffAnswer(
        url=f"{services().site.public_url}/handoff/{call.connection.name}/{quote(code, safe='')}",
        expires_in=LIFETIME,
        expires_at=expires_at,
    )
