"""Sentences for people that can be said in another language later: the English text, its template, its values.

Rooms below the web know no translations. What they say to people is made by `said`, so that a catalogue has the
template and whoever shows the sentence can say it again: ``gettext(sentence.template) % sentence.values``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


class Sentence(str):
    """An English sentence, whole; `template` and `values` are what it was made of.

    Args:
        template: printf style with named places, ``must be at most %(limit)s characters``.
        values: by the names of those places; never a secret.
    """

    __slots__ = ("template", "values")

    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, values: Mapping[str, object] | None = None) -> Self:
        """Make the English text; a copy is made from that text alone."""
        sentence = super().__new__(cls, template % values if values else template)
        sentence.template = template
        sentence.values = dict(values or {})
        return sentence


def said(template: str, /, **values: object) -> Sentence:
    """Return the sentence that `template` makes with `values`.

    Args:
        template: a plain string literal, since the catalogues are collected from the source.
        values: by the names of the template's places, ``%(limit)s``; never a secret.
    """
    return Sentence(template, values)
