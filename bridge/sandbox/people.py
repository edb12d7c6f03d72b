"""Who works at the companies of the sandbox, and which of them are agents of the contact center."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

HOME: Final = "home"
STRANGERS: Final = "strangers"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account at the identity providers.

    Args:
        key: short handle, the value of the button on the authorize page.
        email: None for an account without a mailbox; its other account fields are then empty as well.
        organization: `HOME`, or `STRANGERS` for somebody of a foreign tenant.
        note: one line for the authorize page about what to expect.
        teams: what a provider that tells of groups says in ``groups``.
    """

    key: str
    name: str
    given_name: str
    family_name: str
    email: str | None
    phone: str | None
    username: str | None
    sub: str
    number: int
    organization: str = HOME
    note: str = ""
    teams: tuple[str, ...] = ()

    def at(self, domain: str) -> Person:
        """Return the person with the mailbox that a company of this e-mail domain gave out; strangers keep theirs."""
        if self.email is None or self.organization == STRANGERS:
            return self
        return replace(self, email=f"{self.email.partition('@')[0]}@{domain}")


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent of the contact center of an instance.

    Args:
        account_name: what a mapping field must equal.
        groups: ids of skill groups.
        foreign_id: the account's id at a third party's single sign-on.
    """

    account_name: str
    display_name: str
    agent_id: int
    instance_id: str
    frozen: bool = False
    groups: tuple[int, ...] = ()
    foreign_id: str = ""


CAST: Final = (
    Person(
        key="lin", name="Lin Example", given_name="Lin", family_name="Example", email="lin@contoso.example",
        phone="13800000000", username="lin", sub="248289761001", number=10086, note="agent, ready to take calls",
        teams=("everybody", "phone-care"),
    ),
    Person(
        key="fang", name="王芳", given_name="芳", family_name="王", email="wang.fang@contoso.example",
        phone="13800000001", username="王芳", sub="248289761002", number=10087, note="agent with a Chinese name",
    ),
    Person(
        key="bo", name="Bo Mailless", given_name="Bo", family_name="Mailless", email=None,
        phone=None, username=None, sub="248289761003", number=10088, note="account without an e-mail address",
    ),
    Person(
        key="nora", name="Nora Newcomer", given_name="Nora", family_name="Newcomer", email="nora@contoso.example",
        phone="13800000003", username="nora", sub="248289761004", number=10089, note="colleague without an agent",
        teams=("everybody", "phone-sales"),
    ),
    Person(
        key="kim", name="Kim Frozen", given_name="Kim", family_name="Frozen", email="kim@contoso.example",
        phone="13800000004", username="kim", sub="248289761005", number=10090, note="agent who is frozen",
    ),
    Person(
        key="sam", name="Sam Stranger", given_name="Sam", family_name="Stranger", email="sam@stranger.example",
        phone="13800000005", username="sam", sub="248289761006", number=10091, organization=STRANGERS,
        note="of a foreign organization",
    ),
)  # fmt: skip

DISPLAY_NAMES: Final = {"lin": "小林", "fang": "王芳", "kim": "Kim"}
"""The display name of each person who is an agent."""

FROZEN: Final = frozenset({"kim"})
