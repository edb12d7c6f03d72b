"""What one failure says to people, and who can change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flask_babel import lazy_gettext as _

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString


@dataclass(frozen=True, slots=True)
class ErrorText:
    """What an error page says; every text is translated when it is shown.

    Args:
        title: what happened, in one line.
        detail: why it happened, as far as it helps the agent.
        who: the person who can change it.
        advice: the next step.
    """

    title: LazyString
    detail: LazyString
    who: LazyString
    advice: LazyString


YOU: Final = _("You")
ADMINISTRATOR: Final = _("Your company's administrator")
OPERATOR: Final = _("The operator of this service")
