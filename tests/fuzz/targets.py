"""All targets: what each is given to read, where its seeds lie, and which words its reader knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.fuzz import center_targets, file_targets, provider_targets, request_targets
from tests.fuzz.words import ADDRESSES, CSV, FORMS, HTTP, JSON, JWT, KEYS, TOML

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SEEDS: Final = Path(__file__).with_name("seeds")
LONGEST: Final = 65_536
"""Bytes of one input."""
MOST_SECONDS: Final = 2.0
"""Processor time that one input of that size may take; usual ones take a few thousandths of it."""


@dataclass(frozen=True, slots=True)
class Target:
    """One reader of foreign bytes.

    Args:
        run: reads an input, and fails where what has to hold does not.
        words: what a mutation puts in: words and values that the reader knows, or that readers stumble over.
        made: gives seeds that cannot lie in a file: keys, and what has been signed or sealed.
    """

    name: str
    run: Callable[[bytes], object]
    words: Sequence[bytes]
    made: Callable[[], list[bytes]] = list

    def seeds(self) -> list[bytes]:
        """Return all seeds, those in files by their names first."""
        return [path.read_bytes() for path in self.files()] + self.made()

    def files(self) -> list[Path]:
        """Return the files of its seeds, of the crashes that were found among them."""
        return sorted(path for path in (SEEDS / self.name).glob("*") if path.is_file())


TARGETS: Final = {
    target.name: target
    for target in (
        Target("discovery", provider_targets.discovery, (*JSON, *ADDRESSES)),
        Target("jwks", provider_targets.jwks, (*JSON, *JWT)),
        Target("token_answer", provider_targets.token_answer, JSON),
        Target("userinfo", provider_targets.userinfo, JSON),
        Target("id_token", provider_targets.id_token_of, (*JSON, *JWT), provider_targets.signed_seeds),
        Target("logout_token", provider_targets.logout_token_of, (*JSON, *JWT), provider_targets.signed_seeds),
        Target("exchange", center_targets.exchange, (*JSON, *JWT)),
        Target("openapi_answer", center_targets.openapi_answer, JSON),
        Target("recording", center_targets.recording, HTTP),
        Target("recording_link", center_targets.recording_link, ADDRESSES),
        Target("byte_range", center_targets.byte_range, HTTP),
        Target("callback", request_targets.request, FORMS),
        Target("sign_in", request_targets.request, (*FORMS, *ADDRESSES)),
        Target("headers", request_targets.request, HTTP),
        Target("cookies", request_targets.cookies, HTTP),
        Target("api", request_targets.request, (*JSON, *FORMS)),
        Target("console", request_targets.request, (*FORMS, *CSV)),
        Target("landing", request_targets.landing, ADDRESSES),
        Target("forwarded_for", request_targets.forwarded_for, ADDRESSES),
        Target("server_date", request_targets.server_date, HTTP),
        Target("configuration", file_targets.configuration, TOML),
        Target("connections_file", file_targets.connections_file, TOML),
        Target("connection_form", file_targets.connection_form, (*JSON, *ADDRESSES)),
        Target("roster", file_targets.roster, CSV),
        Target("staff_list", file_targets.staff_list, CSV),
        Target("spreadsheet_cell", file_targets.spreadsheet_cell, CSV),
        Target("private_key", file_targets.private_key, KEYS, file_targets.private_key_seeds),
        Target("pasted_claims", file_targets.pasted_claims, JSON),
        Target("group_rule", file_targets.group_rule, CSV),
        Target("redis_address", file_targets.redis_address, ADDRESSES),
        Target("small_texts", file_targets.small_texts, ADDRESSES),
        Target("sealed", file_targets.sealed, JWT, file_targets.sealed_seeds),
        Target("log_line", file_targets.log_line, (*JSON, *HTTP)),
    )
}
