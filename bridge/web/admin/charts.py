"""Charts as SVG within the page: drawn by pygal, coloured and lettered by the console's own style sheet.

Of what pygal draws, its style sheet, its script and its style attributes are left out: the page's policy would refuse
them, and the house's colours follow light and dark by themselves.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any, Final
from unicodedata import east_asian_width

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDE: Final = (640, 260)
_NARROW: Final = (330, 250)
_LABEL: Final = 12
_MARGIN: Final = 8
_LETTER: Final = 0.6
"""Width of a letter as pygal reckons it, in heights."""
_MOST_LABELS: Final = {_WIDE: 13, _NARROW: 6}
# Layers of texts and tips that only pygal's script would show.
_LEFT_OUT: Final = frozenset({"titles", "plot overlay", "plot text-overlay", "plot tooltip-overlay", "legends"})
_STEPS: Final = (1, 2, 5)
_MOST_LINES: Final = 5


@dataclass(frozen=True, slots=True)
class Series:
    """Values that belong together; `tone` names their colour in the style sheet."""

    name: str
    tone: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn.

    Args:
        id: no other chart of the page has it.
        title: what it shows, in a few words; `told` what it says, in a sentence.
        labels: of the places along the axis.
        is_lying: whether bars lie on their side, each with its label: for few places with long labels.
    """

    id: str
    title: str
    told: str
    labels: Sequence[str]
    series: Sequence[Series]
    is_lying: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(value for one in self.series for value in one.values)


def drawn(chart: Chart) -> Markup:
    """Return a chart for wide screens and for narrow ones, of which the style sheet shows one."""
    return Markup("").join(_drawn(chart, size, name) for size, name in ((_WIDE, "wide"), (_NARROW, "narrow")))


def _drawn(chart: Chart, size: tuple[int, int], name: str) -> Markup:
    etree = _pygal().etree.etree
    tree = _graph(chart, size).render_tree()
    _tidy(tree, chart)
    title_id, told_id = f"{chart.id}-{name}-title", f"{chart.id}-{name}-told"
    inside = b"".join(etree.tostring(child) for child in tree if child.tag == "g").decode()
    head = (
        f'<svg class="hb-graph hb-graph-{name}" viewBox="0 0 {size[0]} {size[1]}" role="img"'
        f' aria-labelledby="{title_id} {told_id}"><title id="{title_id}">{escape(chart.title)}</title>'
        f'<desc id="{told_id}">{escape(chart.told)}</desc>'
    )
    # All texts in it went through an XML serializer or `escape`.
    return Markup(f"{head}{inside}</svg>")  # noqa: S704


@cache
def _pygal() -> Any:
    import pygal  # noqa: PLC0415 — a tenth of a second that start-up need not pay

    # Its finder of map plugins, which nobody needs here, speaks a protocol that Python has given up: each import that
    # finds nothing would warn of it.
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "PluginImportFixer"]
    return pygal


def _graph(chart: Chart, size: tuple[int, int]) -> Any:
    pygal = _pygal()
    style = pygal.style.Style(font_family="system-ui", label_font_size=_LABEL, major_label_font_size=_LABEL)
    kind = pygal.HorizontalStackedBar if chart.is_lying else pygal.StackedBar
    every = 1 if chart.is_lying else -(-len(chart.labels) // _MOST_LABELS[size])
    graph = kind(
        width=size[0],
        height=size[1],
        style=style,
        css=(),
        js=(),
        margin=_MARGIN,
        margin_left=_MARGIN + (_beyond(chart.labels) if chart.is_lying else 0),
        spacing=8,
        show_legend=False,
        x_labels_major_every=every,
        # Values lie along this axis where bars do.
        show_minor_x_labels=chart.is_lying,
        truncate_label=40,
    )
    # Bars that lie are counted from below.
    way = -1 if chart.is_lying else 1
    graph.x_labels = list(chart.labels)[::way]
    graph.y_labels = lines(max(sum(column) for column in zip(*(one.values for one in chart.series), strict=True)))
    graph.value_formatter = "{:.0f}".format
    for one in chart.series:
        graph.add(one.name, list(one.values)[::way])
    return graph


def _beyond(labels: Sequence[str]) -> int:
    """Return how much wider labels are than pygal reckons: a Chinese letter is as wide as it is high (UAX 11)."""
    wide = (sum(1 if east_asian_width(one) in "WF" else _LETTER for one in label) for label in labels)
    reckoned = max(map(len, labels), default=0) * _LETTER
    return math.ceil(max(max(wide, default=0) - reckoned, 0) * _LABEL)


def lines(most: float) -> list[int]:
    """Return the values at which a line crosses the chart: whole, round ones, the last not below `most`."""
    step = next(unit * 10**power for power in range(12) for unit in _STEPS if most <= unit * 10**power * _MOST_LINES)
    return list(range(0, max(math.ceil(most / step), 1) * step + 1, step))


def _tidy(tree: Any, chart: Chart) -> None:
    """Leave axes and bars, each bar with a tip that a pointer shows and a class that colours it."""
    for parent in list(tree.iter("g")):
        for child in list(parent):
            if child.get("class") in _LEFT_OUT or child.tag == "title":
                parent.remove(child)
    for group in list(tree.iter("g")):
        _, _, place = group.get("class", "").partition("series serie-")
        if place:
            one = chart.series[int(place.split()[0])]
            group.set("class", f"hb-graph-bars hb-graph-{one.tone}")
            for bar in group.iter("g"):
                _tip(bar, one.name)


def _tip(bar: Any, name: str) -> None:
    told = {child.get("class"): child.text for child in bar if child.tag == "desc"}
    for child in [found for found in bar if found.tag == "desc"]:
        bar.remove(child)
    for rect in [found for found in bar if found.tag == "rect"]:
        if told.get("value") == "0":
            bar.remove(rect)
            continue
        tip = rect.makeelement("title", {})
        tip.text = f"{told['x_label']} · {name}: {told['value']}"
        rect.append(tip)
