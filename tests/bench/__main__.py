"""``python -m tests.bench``: run everything once and tell it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, TextIO

from tests.bench.certificates import make_certificates
from tests.bench.faults import BenchFault
from tests.bench.measures import Figures, Plan, bare_call, bare_view, measure
from tests.bench.parties import PLAIN, World, has_gunicorn, open_parties
from tests.bench.processes import running
from tests.bench.report import legend, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.parties import Party
    from tests.bench.processes import Process

_FULL: Final = Plan()
_INTERRUPTED: Final = 130
_LONGEST: Final = 150.0
"""Seconds after which no round begins that would probably end later."""


def main() -> int:
    """Run the benchmark; 1: something failed, so there are no figures; 130: interrupted."""
    asked = _arguments()
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, _interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
            _bench(Path(folder), asked.rounds, _plan(asked.sign_ins))
    except BenchFault as fault:
        _say(f"The benchmark ends without figures. {fault}", sys.stderr)
        return 1
    except KeyboardInterrupt:
        _say("Interrupted; nothing is left behind.", sys.stderr)
        return _INTERRUPTED
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="What sign-ins and requests cost.")
    parser.add_argument(
        "--rounds", type=_positive, default=3, help="interleaved rounds (default: 3); fewer where the machine is slow"
    )
    parser.add_argument("--sign-ins", type=_positive, default=_FULL.sign_ins, help="sign-ins a round whose CPU counts")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _plan(sign_ins: int) -> Plan:
    """Return a plan in which a small number of sign-ins makes everything small."""
    return Plan(
        warm_up=min(_FULL.warm_up, sign_ins),
        sign_ins=sign_ins,
        steady=min(_FULL.steady, sign_ins),
        paused=min(_FULL.paused, max(1, sign_ins // 4)),
        load_seconds=min(_FULL.load_seconds, sign_ins / 20),
    )


def _bench(folder: Path, rounds: int, plan: Plan) -> None:
    started = time.monotonic()
    certificates = make_certificates(folder)
    command = ["tests.bench.upstream", str(certificates.server)]
    with running("upstream", command, folder, os.environ, talks=True) as upstream:
        address = upstream.ask("")
        world = World(address["issuer"], address["fuyun"], certificates.bundle, folder)
        with open_parties(world) as parties:
            figures = _every_round(parties, upstream, rounds, plan)
        call = bare_call(world.issuer, world.bundle, upstream)
    _say(f"{table(figures)}\n\n{legend(plan, certificates.bundle, figures, call)}")
    if not has_gunicorn():
        _say("gunicorn  is not installed, so plain Flask + Authlib ran on Granian only.")
    _say(f"Duration  {time.monotonic() - started:.0f} s.")


def _every_round(parties: Sequence[Party], upstream: Process, rounds: int, plan: Plan) -> dict[str, list[Figures]]:
    """Let the parties take turns, so that a busy minute of the machine hits all of them."""
    figures: dict[str, list[Figures]] = {party.title: [] for party in parties}
    plain = next(party for party in parties if party.title == PLAIN)
    started = time.monotonic()
    for done in range(rounds):
        if done and (time.monotonic() - started) * (done + 1) / done > _LONGEST:
            break
        bare_us = bare_view(plain, plan)
        for party in parties:
            _progress(f"round {done + 1} of {rounds}: {party.title}")
            figures[party.title].append(measure(party, upstream, plan, bare_us))
    _progress("")
    return figures


def _progress(what: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{what}")
        sys.stderr.flush()


def _say(text: str, where: TextIO = sys.stdout) -> None:
    where.write(f"{text}\n")
    where.flush()


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)  # cleaning up is not interrupted again
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
