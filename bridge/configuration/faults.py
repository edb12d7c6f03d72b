"""What is wrong with a configuration file, all of it at once."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to put right; neither field ever holds a secret's value.

    Args:
        key: dotted path of the key, ``line 7`` for broken TOML, or empty when the whole file is meant.
    """

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.key, self.message) if part)


class SettingsError(Exception):
    """The configuration cannot be used; `faults` lists everything that is wrong with it."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(map(str, faults)))


@dataclass(slots=True)
class Faults:
    """Collects faults of one file; the first fault of a key is the one that is told."""

    file: str
    found: dict[str, Fault] = field(default_factory=dict)

    def add(self, key: str, message: str) -> None:
        """Remember a fault of `key`, unless one is known already."""
        self.found.setdefault(key, Fault(self.file, key, message))

    def has(self, key: str) -> bool:
        """Tell whether `key`, or something inside it, is known to be wrong."""
        return bool(self.inside(key))

    def inside(self, place: str) -> list[tuple[str, str]]:
        """Return the faults of `place` and of what is inside it, by keys relative to it."""
        starts = (f"{place}.", f"{place}[")
        return [
            (key.removeprefix(place).removeprefix("."), fault.message)
            for key, fault in self.found.items()
            if key == place or key.startswith(starts)
        ]

    def raise_if_any(self) -> None:
        """Raise everything that was found."""
        if self.found:
            raise SettingsError(list(self.found.values()))
