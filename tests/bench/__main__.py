"""``python -m tests.bench``: run everything once and tell it."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Final

from tests.bench.measures import Figures, Plan, bare_call, bare_view, make_warm, measure
from tests.bench.parties import MAKERS, open_field
from tests.bench.processes import ROOT
from tests.bench.profiling import write_profiles
from tests.bench.report import legend, tables
from tests.bench.stage import on_stage, open_stage, say
from tests.bench.start import starts, told
from tests.bench.targets import targets

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from tests.bench.parties import Field
    from tests.bench.processes import Process

_FULL: Final = Plan()
_STARTS: Final = 5
_LONGEST: Final = 400.0
"""Seconds after which no round begins that would probably end later."""


def main() -> int:
    """Run the benchmark; 1: something failed, so there are no figures; 130: interrupted."""
    asked = _arguments()
    act = _profile if asked.profile else _bench
    return on_stage(lambda folder, stack: act(folder, stack, asked))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="What sign-ins and requests cost.")
    parser.add_argument(
        "--rounds", type=_positive, default=3, help="interleaved rounds (default: 3); fewer where the machine is slow"
    )
    parser.add_argument("--sign-ins", type=_positive, default=_FULL.sign_ins, help="sign-ins a round whose CPU counts")
    parser.add_argument("--profile", action="store_true", help="write where the bridge's CPU goes, into build/")
    parser.add_argument(
        "--only", nargs="+", choices=tuple(MAKERS), default=tuple(MAKERS), help="who is measured (default: everybody)"
    )
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _plan(sign_ins: int) -> Plan:
    """Return a plan in which a small number of sign-ins makes everything small."""
    return Plan(
        first=min(_FULL.first, sign_ins),
        warm_up=min(_FULL.warm_up, sign_ins),
        sign_ins=sign_ins,
        steady=min(_FULL.steady, sign_ins),
        paused=min(_FULL.paused, max(1, sign_ins // 4)),
        load_seconds=min(_FULL.load_seconds, sign_ins / 20),
    )


def _bench(folder: Path, stack: ExitStack, asked: argparse.Namespace) -> None:
    started, plan = time.monotonic(), _plan(asked.sign_ins)
    world, upstream = open_stage(folder, stack)
    begun = starts(world, min(_STARTS, asked.sign_ins)) if "bridge" in asked.only else []
    field = open_field(world, stack, asked.only)
    figures = _every_round(field, upstream, asked.rounds, plan)
    call = bare_call(world.issuer, world.bundle, upstream)
    say(f"{tables(figures)}\n\n{targets(figures, begun)}\n\n{legend(plan, world.bundle, figures, call)}")
    if begun:
        say(f"Start     {told(begun)}")
    for name, reason in field.missing.items():
        say(f"Without   {name}: {reason}.")
    say(f"Duration  {time.monotonic() - started:.0f} s.")


def _profile(folder: Path, stack: ExitStack, asked: argparse.Namespace) -> None:
    world, _ = open_stage(folder, stack)
    for file in write_profiles(world, asked.sign_ins, ROOT / "build"):
        say(file.read_text("utf-8"))


def _every_round(field: Field, upstream: Process, rounds: int, plan: Plan) -> dict[str, list[Figures]]:
    """Let the parties take turns, so that a busy minute of the machine hits all of them."""
    figures: dict[str, list[Figures]] = {party.title: [] for party in field.parties}
    for party in field.parties:
        _progress(f"warming up: {party.title}")
        make_warm(party, plan)
    started = time.monotonic()
    for done in range(rounds):
        if done and (time.monotonic() - started) * (done + 1) / done > _LONGEST:
            break
        for party in field.parties:
            _progress(f"round {done + 1} of {rounds}: {party.title}")
            figures[party.title].append(measure(party, upstream, plan, bare_view(field.bare, plan)))
    _progress("")
    return figures


def _progress(what: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{what}")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
