"""The README's table of metrics, made from the code: ``python -m tests.structure.metrics_table`` writes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bridge.gauges import FAMILIES
from bridge.ops.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

README: Final = Path(__file__).parents[2] / "README.md"
BEGIN: Final = "<!-- metrics -->"
END: Final = "<!-- /metrics -->"


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
    text = README.read_text(encoding="utf-8")
    return text.split(BEGIN, 1)[1].split(END, 1)[0].strip()


def write() -> None:
    """Put the table into the README."""
    text = README.read_text(encoding="utf-8")
    between = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    README.write_text(between.sub(lambda _: f"{BEGIN}\n{table()}\n{END}", text), encoding="utf-8")


if __name__ == "__main__":
    write()
