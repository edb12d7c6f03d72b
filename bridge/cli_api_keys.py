"""The command line's part for keys of the server-to-server API: new, list, revoke."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from bridge.cli_connections import ACTOR, in_force, opened
from bridge.core.gate_errors import ApiKeyInvalid
from bridge.core.networks import network
from bridge.core.scopes import SCOPES
from bridge.running import CannotRun
from bridge.settings import seconds
from bridge.telling import ask, config_option, moment, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bridge.access.api_keys import ApiKey
    from bridge.connections.rows import Entry
    from bridge.services import Services

_HEADS: Final = ("ID", "LABEL", "CONNECTIONS", "SCOPE", "NETWORKS", "MADE", "ENDS", "LAST USED", "STATE")
_LONGEST_DAYS: Final = 3650
_WITH_UNIT: Final = re.compile(r"[0-9]{1,9}[smhd]")


class _Duration(click.ParamType[int]):
    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        # A bare number is seconds in the configuration file, and whoever types 90 here means days.
        if not _WITH_UNIT.fullmatch(str(value)):
            self.fail('must be a duration with its unit, such as "90d" or "12h"', param, ctx)
        try:
            return seconds(value, _LONGEST_DAYS)
        except ValueError as fault:
            self.fail(str(fault), param, ctx)


class _Scopes(click.ParamType[tuple[str, ...]]):
    name = "scope,…"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        scopes = tuple(one.strip() for one in str(value).split(",") if one.strip())
        strangers = [one for one in scopes if one not in SCOPES]
        if strangers or not scopes:
            self.fail(f"must be some of {', '.join(SCOPES)}, separated by commas", param, ctx)
        return scopes


class _Network(click.ParamType[str]):
    name = "network"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return network(str(value))
        except ValueError:
            self.fail("must be an address or a network, such as 203.0.113.0/24", param, ctx)


@click.group("api-keys")
def api_keys() -> None:
    """Keys of the server-to-server API: new, list, revoke."""


@api_keys.command()
@config_option
@click.option("--connection", "names", multiple=True, required=True, help="What it is for; may be given several times.")
@click.option("--scope", "scopes", type=_Scopes(), required=True, help=f"Some of {','.join(SCOPES)}.")
@click.option("--expires", type=_Duration(), default="90d", show_default=True, help="How long it is good.")
@click.option(
    "--network", "networks", type=_Network(), multiple=True, help="Only from there; may be given several times."
)
@click.option("--label", default="", help="What it is for, in your words.")
def new(
    config: Path,
    *,
    names: Sequence[str],
    scopes: tuple[str, ...],
    expires: int,
    networks: tuple[str, ...],
    label: str,
) -> None:
    """Make a key and print it as the last line, once: the bridge keeps only its hash."""
    from bridge.access.api_keys import LONGEST_LABEL, Wanted  # noqa: PLC0415 — loads the database

    if len(label) > LONGEST_LABEL or not label.isprintable():
        raise click.UsageError(f"--label is at most {LONGEST_LABEL} printable characters.")
    with opened(config) as services:
        entries = [services.register.entry(name) for name in names]
        grants = {entry.name: entry.first_version for entry in entries}
        wanted = Wanted(grants, scopes, expires, ACTOR, label, networks)
        key, text = services.api_keys.make(wanted)
        for name in grants:
            services.journal.record_act("api_key_made", actor=ACTOR, connection=name, api_key=key.id)
        unsuited = [f"{entry.name} ({mode})" for entry in entries if (mode := _mode(services, entry)) != "jwt"]
    click.echo(
        f"Key {key.id} for {', '.join(grants)}: {', '.join(key.scopes)}; ends {moment(key.expires_at)}.", err=True
    )
    if "token" in key.scopes and unsuited:
        told = ", ".join(dict.fromkeys(unsuited))
        click.echo(f"warning: scope token is good for nothing without mode jwt: {told}", err=True)
    click.echo("This is the key. It is shown once; keep it where your back end keeps its passwords.", err=True)
    click.echo(text)


def _mode(services: Services, entry: Entry) -> str:
    return services.register.connection(entry.name, in_force(entry)).mode


@api_keys.command("list")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.argument("names", nargs=-1)
def list_(config: Path, names: tuple[str, ...], *, as_json: bool) -> None:
    """List keys, of the connections NAMES or all of them; those that ended stay for 90 days."""
    with opened(config) as services:
        wanted = [services.register.entry(name).name for name in names]
        found = [key for key in services.api_keys.every() if not names or any(map(key.reaches, wanted))]
        present = {entry.name.lower(): entry.first_version for entry in services.register.entries()}
        now = services.now()
    if as_json:
        click.echo(json.dumps([_document(key, present, now) for key in found], indent=2, ensure_ascii=False))
        return
    if not found:
        click.echo("There is no API key yet: `hotline-bridge api-keys new` makes one.", err=True)
        return
    for line in table([_HEADS, *(_row(key, present, now) for key in found)]):
        click.echo(line)


def _row(key: ApiKey, present: Mapping[str, int], now: float) -> tuple[str, ...]:
    return (
        key.id,
        key.label or "-",
        ",".join(key.connections),
        ",".join(key.scopes),
        ",".join(key.networks) or "everywhere",
        moment(key.made_at),
        moment(key.expires_at),
        moment(key.used_at),
        _state(key, present, now),
    )


def _state(key: ApiKey, present: Mapping[str, int], now: float) -> str:
    if key.revoked_at is not None:
        return f"revoked {moment(key.revoked_at)}"
    if not key.is_alive(now):
        return "expired"
    gone = _gone(key, present)
    return f"good, but not for {', '.join(gone)}: removed since" if gone else "good"


def _gone(key: ApiKey, present: Mapping[str, int]) -> list[str]:
    # Also one that left the configuration file and came back: it may be another customer's by now.
    return [name for name, first in key.connections.items() if present.get(name.lower()) != first]


def _document(key: ApiKey, present: Mapping[str, int], now: float) -> dict[str, object]:
    return {
        "id": key.id,
        "label": key.label,
        "connections": list(key.connections),
        "removed_connections": _gone(key, present),
        "scopes": list(key.scopes),
        "networks": list(key.networks),
        "made_at": _written(key.made_at),
        "expires_at": _written(key.expires_at),
        "used_at": _written(key.used_at),
        "revoked_at": _written(key.revoked_at),
        "state": "revoked" if key.revoked_at is not None else "good" if key.is_alive(now) else "expired",
    }


def _written(epoch: float | None) -> str | None:
    """Return epoch seconds as RFC 3339 writes them in UTC."""
    return None if epoch is None else f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%dT%H:%M:%SZ}"


@api_keys.command()
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.argument("ids", nargs=-1, required=True)
def revoke(config: Path, ids: tuple[str, ...], *, yes: bool) -> None:
    """End the keys with these IDS for good, at once and on every replica."""
    with opened(config) as services:
        found = [_found(services, one) for one in ids]
        ask(f"End {', '.join(key.id for key in found)}? Whatever uses it stops working.", yes=yes)
        for key in found:
            if services.api_keys.revoke(key.id):
                for name in key.connections:
                    services.journal.record_act("api_key_revoked", actor=ACTOR, connection=name, api_key=key.id)
                click.echo(f"Key {key.id} is revoked.")
            else:
                click.echo(f"Key {key.id} was revoked before.", err=True)


def _found(services: Services, key_id: str) -> ApiKey:
    try:
        return services.api_keys.find(key_id)
    except ApiKeyInvalid:
        raise CannotRun(f"There is no key {key_id}; `hotline-bridge api-keys list` tells their ids.") from None
