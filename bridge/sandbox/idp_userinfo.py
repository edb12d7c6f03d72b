"""What a user endpoint says to an access token, spoiled as the active faults demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bridge.sandbox.faults import Drawn
    from bridge.sandbox.world import World

Json = dict[str, Any]

_SPOILED_MAPPING: Final[dict[str, object]] = {
    "email_null": None,
    "email_list": ["lin@contoso.example", "second@contoso.example"],
    "email_empty": "",
    "email_number": 13800000000,
    "email_other": "somebody.else@contoso.example",
}


def userinfo_answer(world: World, connection: str, access_token: str, drawn: Drawn) -> Json | None:
    """Return the UserInfo document as the bridge and Fuyun both get it; None where the token is refused."""
    document = world.userinfo_by_token(connection, access_token)
    if document is None or "bad_token" in drawn:
        return None
    subject = "sub" if "sub" in document else "data.id"
    if "wrong_sub" in drawn:
        _set_path(document, subject, "somebody-else" if subject == "sub" else 999)
    if "no_sub" in drawn:
        _drop_path(document, subject)
    for path in {world.fuyun_of(connection).mapping_field, *({"email"} & document.keys())}:
        if "no_email" in drawn:
            _drop_path(document, path)
        for name in drawn.keys() & _SPOILED_MAPPING.keys():
            _set_path(document, path, _SPOILED_MAPPING[name])
    return document


def _set_path(document: Json, path: str, value: object) -> None:
    *steps, last = path.split(".")
    for step in steps:
        document = document.setdefault(step, {})
    document[last] = value


def _drop_path(document: Json, path: str) -> None:
    *steps, last = path.split(".")
    for step in steps:
        document = document.get(step, {})
    document.pop(last, None)
