"""Several things done one by one, each with a result of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from bridge.core.errors import BridgeError, ContactCenterUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one of several.

    Args:
        subject: an account name, a skill group's name or a hotline number.
        refusal: why not; None: done.
        was_tried: false where an earlier one met a contact center that does not answer.
    """

    subject: str
    refusal: BridgeError | None = None
    was_tried: bool = True

    @property
    def is_done(self) -> bool:
        """Whether it was done."""
        return self.refusal is None


def one_by_one(items: Iterable[Item], name: Callable[[Item], str], act: Callable[[Item], None]) -> Iterator[Outcome]:
    """Yield what came of each item; once the contact center does not answer, the rest is not tried.

    Args:
        name: what people know the item by.
        act: does it; raises BridgeError.
    """
    silence: ContactCenterUnreachable | None = None
    for item in items:
        if silence is not None:
            yield Outcome(name(item), silence, was_tried=False)
            continue
        try:
            act(item)
        except ContactCenterUnreachable as fault:
            # Each of the others would wait as long for the same.
            silence = fault
            yield Outcome(name(item), fault)
        except BridgeError as refusal:
            yield Outcome(name(item), refusal)
        else:
            yield Outcome(name(item))
