"""What each company's contact center holds at the beginning: departments, skill groups, hotline numbers, agents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.sandbox.contact_center import HotlineNumber, OutboundRange

if TYPE_CHECKING:
    from bridge.sandbox.contact_center import ContactCenter
    from bridge.sandbox.registrations import Company

_HOTLINE: Final = "客服热线"
_AFTER_SALES: Final = "售后"
_SALES: Final = "Sales"
_DEPARTMENTS: Final = {"客服部": ((_HOTLINE, ""), (_AFTER_SALES, "售后组")), "销售部": ((_SALES, ""),)}
"""Department → its skill groups, each with its name and what it shows instead."""


@dataclass(frozen=True, slots=True)
class Colleague:
    """An agent without an account at the identity provider: the account name's stem, and a telephone's end."""

    stem: str
    display_name: str
    groups: tuple[str, ...]
    state: str = "AgentCheckout"
    rest_type: int = 0


COLLEAGUES: Final = (
    Colleague("chen.jie", "陈洁", (_HOTLINE, _AFTER_SALES), "AgentReady"),
    Colleague("emma.reed", "Emma Reed", (_SALES,), "AgentBusyForCall"),
    Colleague("liu.yang", "刘洋", (_AFTER_SALES,), "AgentBreak", 2),
    Colleague("zhao.min", "赵敏", (_HOTLINE,), "AgentAcw"),
    Colleague("james.ford", "James Ford", (_SALES,), "AgentReady"),
    Colleague("sun.lei", "孙磊", (_AFTER_SALES,), "AgentReady"),
    Colleague("zhou.ting", "周婷", (_HOTLINE,), "AgentBusyForCall"),
    Colleague("olivia.hart", "Olivia Hart", (_SALES,)),
    Colleague("wu.qiang", "吴强", (_HOTLINE,)),
    Colleague("tom.becker", "Tom Becker", (_AFTER_SALES,), "AgentBreak", 3),
    Colleague("maria.lopez", "María López", (_SALES,)),
    Colleague("he.xin", "何欣", (_HOTLINE,)),
)
_HIRED: Final = {"contoso": 12, "acme": 5, "globex": 4, "initech": 3}


def furnish(center: ContactCenter) -> None:
    """Give an empty contact center its departments, skill groups and hotline numbers."""
    for department, groups in _DEPARTMENTS.items():
        department_id = center.add_department(department)
        for name, display_name in groups:
            center.add_group(name, display_name, department_id=department_id)
    care, sales = center.departments
    _, after_sales, _ = center.groups
    for line in (
        HotlineNumber(
            "05710000001",
            "热线号码",
            inbound_evaluation=True,
            outbound_evaluation=True,
            outbound_all=True,
            flow_id=123456,
            evaluation_level=5,
        ),
        HotlineNumber(
            "05710000002",
            "售后专线",
            inbound_evaluation=True,
            flow_id=123457,
            ranges=(OutboundRange(care, (after_sales,)), OutboundRange(sales)),
        ),
        HotlineNumber("4008000003", "Inbound only", outbound=False, flow_id=123456),
    ):
        center.lines[line.number] = line


def staff(center: ContactCenter, company: Company) -> None:
    """Hire the company's colleagues beside its people, and let some of them be at work."""
    by_name = {group.name: group.group_id for group in center.groups.values()}
    for number, one in enumerate(COLLEAGUES[: _HIRED[company.name]]):
        account_name = _account_name(company, one.stem, number)
        center.hire(account_name, one.display_name, groups=[by_name[name] for name in one.groups])
        center.states[account_name] = one.state, one.rest_type


def _account_name(company: Company, stem: str, number: int) -> str:
    """Return what the company's mapping field would yield."""
    kinds = {"oidc": stem, "oauth2": f"1380001{number:04}"}
    return kinds.get(company.kind, f"{stem}@{company.domain}")
