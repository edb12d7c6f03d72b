"""Rules about skill groups: however they are typed, and what is told where one does not fit."""

from __future__ import annotations

import pytest

from bridge.core.group_rules import GroupRule, read_group_rule
from bridge.core.model import Provisioning
from bridge.core.new_agent import Misfit, new_agent

RULE = GroupRule("groups", "hotline-sales", ("Sales", "After sales"))


@pytest.mark.parametrize(
    "line",
    [
        "groups = hotline-sales -> Sales, After sales",
        'groups = "hotline-sales" -> "Sales", "After sales"',
        "groups = 'hotline-sales' → 'Sales', 'After sales'",
        "groups=“hotline-sales”->“Sales”，”After sales“",  # noqa: RUF001 — as Chinese keyboards type it
        "groups = ‘hotline-sales’ -> 「Sales」、『After sales』",  # noqa: RUF001 — likewise
        '"groups = hotline-sales -> Sales, After sales"',
        '"groups" = «hotline-sales» -> Sales, After sales',
    ],
    ids=["plain", "straight", "single", "curly", "corners", "around all", "around the claim"],
)
def test_quotation_marks_are_no_part_of_a_rule(line: str) -> None:
    assert read_group_rule(line) == RULE


def test_an_apostrophe_inside_or_at_one_end_stays() -> None:
    assert read_group_rule("team = O'Neill's -> Agents'") == GroupRule("team", "O'Neill's", ("Agents'",))


@pytest.mark.parametrize(
    "line",
    ["groups -> Sales", 'groups = "" -> Sales', 'groups = sales -> ""', '"" = sales -> Sales', "groups = sales Sales"],
    ids=["no value", "empty value", "no name", "no claim", "no arrow"],
)
def test_a_rule_that_lacks_something_is_shown_one_without_quotation_marks(line: str) -> None:
    with pytest.raises(ValueError, match=r"^must be a rule such as: groups = sales -> Sales, Support$"):
        read_group_rule(line)


def test_a_rule_that_does_not_fit_tells_what_stands_in_its_claim() -> None:
    rules = ("groups = a -> A", "groups = b -> B", "title = * -> C", "many = z -> D")
    claims = {"groups": ["a", "x", "x", {}], "title": {}, "many": [f"value {number}" for number in range(12)]}
    made = new_agent(Provisioning(create_agents=True, rules=rules), claims, "lin")
    assert made.rules == ("groups = a -> A",)
    *others, many = made.misfits
    assert others == [Misfit("groups = b -> B", "groups", ("a", "x"), 2), Misfit("title = * -> C", "title")]
    assert (len(many.found), many.count) == (10, 12)
