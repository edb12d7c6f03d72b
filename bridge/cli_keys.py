"""The command line's part for the key ring: a fresh secret, what each secret is still needed for, and resealing.

The group has the keys of mode jwt too; `cli_signing` adds those commands.
What loads Flask and the database is imported where it is needed, as in `cli`.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from bridge.cli_connections import load_or_exit
from bridge.core.errors import StoreUnavailable
from bridge.running import CannotRun
from bridge.telling import ask, config_option, moment, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bridge.services import Services
    from bridge.signin.resealing import Count, Resealing

_PASSES: Final = 3
"""How often what replicas have changed meanwhile is tried anew."""
_TELL_EVERY: Final = 1000
_COMMAND: Final = "`hotline-bridge keys reseal`"


@click.group()
def keys() -> None:
    """Keys: of mode jwt (new, public), and those that seal what the bridge keeps (secret, status, reseal).

    To change the sealing key without signing anybody out: put the new one behind the others in secret_keys and restart
    every replica, so that all can read what it seals; put it in front and restart them again; run `keys reseal`; drop
    the old one when `keys status` says that it is safe. Where all is restarted at once, the first step can be left out.
    """


@keys.command()
def secret() -> None:
    """Print a fresh value for secret_keys."""
    click.echo(secrets.token_urlsafe(48))


@contextmanager
def _opened(config: Path) -> Iterator[tuple[Services, Resealing]]:
    """Give the rooms as they are: neither command changes the schema or what the file says."""
    from bridge.ops.logs import configure_logs  # noqa: PLC0415 — likewise
    from bridge.rooms import build_services, make_outbound  # noqa: PLC0415 — loads Flask and the database
    from bridge.signin.resealing import Resealing  # noqa: PLC0415 — likewise

    settings = load_or_exit(config)
    configure_logs("error")
    services = build_services(settings, make_outbound(settings), time.time)
    store = services.session_store
    try:
        yield services, Resealing(services.database, services.key_ring, store, services.agent_sessions)
    except StoreUnavailable as refusal:
        where = "" if refusal.expected else "store.database: "
        raise CannotRun(f"{where}{refusal}") from None
    finally:
        store.close()
        services.database.close()


# status --------------------------------------------------------------------------------------------------------------


@keys.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(config: Path, *, as_json: bool) -> None:
    """Count what each of secret_keys is still needed for; exit 1 where records exist that none of them opens."""
    with _opened(config) as (services, resealing):
        counts, names = resealing.count(), services.key_ring.fingerprints()
        links_until, unproven = services.admin_links.good_until(), services.domains.unproven()
    if as_json:
        click.echo(json.dumps(_document(counts, names, links_until, unproven), indent=2))
    else:
        for line in [*table([*_rows(counts, names)]), "", *_sentences(counts, names, links_until, unproven)]:
            click.echo(line)
    if lost := sum(count.lost for count in counts):
        raise CannotRun(f"{_records(lost)} sealed by none of these keys: put the key back, or {_it(lost)} lost.")


def _document(counts: Sequence[Count], names: Sequence[str], links_until: float, unproven: int) -> dict[str, Any]:
    needed = _needed(counts)
    return {
        "keys": [
            {
                "position": position,
                "fingerprint": name,
                "records": {count.kind: count.by_key[position] for count in counts},
                # A key that waits behind the others looks the same as one that has had its day.
                "is_unused": bool(position and not needed[position] and not links_until),
            }
            for position, name in enumerate(names)
        ],
        "lost": {count.kind: count.lost for count in counts},
        "links_until": int(links_until) or None,
        "unproven_domains": unproven,
    }


def _rows(counts: Sequence[Count], names: Sequence[str]) -> Iterator[Sequence[str]]:
    yield "KEY", "FINGERPRINT", *(count.kind.replace("_", " ").upper() for count in counts)
    for position, name in enumerate(names):
        yield f"secret_keys[{position}]", name, *(str(count.by_key[position]) for count in counts)
    yield "none of them", "", *(str(count.lost) for count in counts)


def _sentences(counts: Sequence[Count], names: Sequence[str], links_until: float, unproven: int) -> Iterator[str]:
    needed = _needed(counts)
    for position, name in enumerate(names):
        yield f"secret_keys[{position}] ({name}) {_verdict(position, needed[position], links_until)}"
    if unproven and len(names) > 1:
        yield (
            f"Domains that wait for their TXT record: {unproven}. A record that was handed out counts as long as the"
            " key that made it is kept; afterwards the console shows another one. Proven domains stay proven."
        )


def _verdict(position: int, needed: int, links_until: float) -> str:
    from bridge.signin.pending import LIFETIME  # noqa: PLC0415 — loads the key ring

    if not position:
        return "seals what is new."
    if needed:
        return f"cannot be dropped: {_records(needed)} in need of it; run {_COMMAND}."
    if links_until:
        return f"may be needed by an administrator's link that nobody has used yet, until {moment(links_until)}."
    return (
        f"is needed by no record. A new key is not needed yet; an old one is safe to drop {LIFETIME // 60} minutes"
        " after the last replica was started with secret_keys[0] in front: until then sign-ins may carry it."
    )


def _needed(counts: Sequence[Count]) -> list[int]:
    """Return for each key how many records of all kinds need it."""
    return [sum(numbers) for numbers in zip(*(count.by_key for count in counts), strict=True)]


def _records(number: int) -> str:
    return "1 record is" if number == 1 else f"{number} records are"


def _it(number: int) -> str:
    return "it is" if number == 1 else "they are"


# reseal --------------------------------------------------------------------------------------------------------------


@keys.command()
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def reseal(config: Path, *, yes: bool) -> None:
    """Seal everything anew with the first of secret_keys; nobody is signed out, and it may be ended and run again."""
    with _opened(config) as (services, resealing):
        stale = {count.kind: count.stale for count in resealing.count() if count.stale}
        if not stale:
            click.echo("Everything is sealed by the newest key.")
            return
        name = services.key_ring.fingerprints()[0]
        ask(f"Does every running replica know secret_keys[0] ({name})? One that does not signs people out.", yes=yes)
        _tell_done(*_resealed(resealing, stale))


def _resealed(resealing: Resealing, stale: dict[str, int]) -> tuple[dict[str, int], int]:
    """Rewrite everything, again where replicas changed something meanwhile.

    Returns:
        How many were rewritten of each kind, and how many changed each time.
    """
    done, left = dict.fromkeys(stale, 0), 0
    try:
        for _ in range(_PASSES):
            left = 0
            for kind, number in stale.items():
                for is_done in _watched(kind, number - done[kind], resealing.reseal(kind)):
                    done[kind] += is_done
                    left += not is_done
            if not left:
                break
    except (KeyboardInterrupt, StoreUnavailable) as end:
        why = "Interrupted" if isinstance(end, KeyboardInterrupt) else "The store does not answer any more"
        raise CannotRun(f"{why}: {sum(done.values())} rewritten; run {_COMMAND} again for the rest.") from None
    return done, left


def _watched(kind: str, number: int, records: Iterator[bool]) -> Iterator[bool]:
    """Pass on what becomes of each record, and show on standard error how far it has come."""
    label, stream = kind.replace("_", " "), sys.stderr
    if stream.isatty():
        with click.progressbar(records, length=number, label=label, file=stream) as shown:
            yield from shown
        return
    at = 0
    for at, is_done in enumerate(records, start=1):
        yield is_done
        if not at % _TELL_EVERY:
            click.echo(f"{label}: {at} of {number}", err=True)
    if at % _TELL_EVERY:
        click.echo(f"{label}: {at} of {number}", err=True)


def _tell_done(done: dict[str, int], left: int) -> None:
    for line in table([[kind.replace("_", " "), str(number), "rewritten"] for kind, number in done.items()]):
        click.echo(line)
    if left:
        raise CannotRun(f"{_records(left)} in use and not rewritten yet; run {_COMMAND} again.")
