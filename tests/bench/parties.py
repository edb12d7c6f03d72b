"""The relying parties that are compared, each a process that serves on loopback."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.bench import bridges, flasks
from tests.bench.apache import apache
from tests.bench.express import express
from tests.bench.world import NotHere, Party, World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import ExitStack

MAKERS: Final[Mapping[str, Callable[[World, ExitStack], list[Party]]]] = {
    "bridge": bridges.with_redis,
    "sqlite": bridges.with_sqlite,
    "express": express,
    "apache": apache,
    "authlib": flasks.authlib,
}
"""Everybody who can be measured, by the word that names them; the bridge comes first, others are divided by it."""


@dataclass(frozen=True, slots=True)
class Field:
    """Who takes part, and who cannot, with the reason."""

    bare: Party
    parties: list[Party] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)


def open_field(world: World, stack: ExitStack, names: Sequence[str]) -> Field:
    """Start the relying parties of these names, and the view that does nothing, until the stack ends."""
    opened = Field(flasks.bare(world, stack))
    for name in names:
        try:
            opened.parties.extend(MAKERS[name](world, stack))
        except NotHere as reason:
            opened.missing[name] = str(reason)
    return opened
