"""The README's table of metrics, made from the code: ``python -m tests.structure.metrics_table`` writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.gauges import FAMILIES
from bridge.ops.metrics import Metrics
from tests.structure.readme_table import put_table, table_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MARK: Final = "metrics"


def table() -> str:
    """Return the Markdown table of all metrics: those that are counted, then those that are read at a scrape."""
    lines = ["| Metric | Kind | Labels | What it tells |", "| --- | --- | --- | --- |"]
    for name, kind, labels, told in _rows():
        named = ", ".join(f"`{label}`" for label in labels)
        lines.append(f"| `{name}` | {kind} | {named} | {told} |")
    return "\n".join(lines)


def _rows() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    counted: Iterable[Any] = Metrics()._registry._collector_to_names
    for family in counted:
        (told,) = family.describe()
        name = f"{told.name}_total" if told.type == "counter" else told.name
        yield name, told.type, tuple(family._labelnames), told.documentation
    for gauge in FAMILIES:
        yield gauge.name, "gauge", gauge.labels, gauge.help


def written() -> str:
    """Return the table that stands in the README."""
    return table_at(_MARK)


def write() -> None:
    """Put the table into the README."""
    put_table(_MARK, table())


if __name__ == "__main__":
    write()
