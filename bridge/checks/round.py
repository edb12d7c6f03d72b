"""The whole round: everybody is asked at the same time, and nobody who hangs holds up the rest."""

from __future__ import annotations

import time
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Final

from bridge.checks import clock, connection, file, front, keys, machine, sdk, stores
from bridge.checks.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bridge.checks.scene import Scene
    from bridge.core.model import Connection
    from bridge.outbound import Outbound

TOGETHER: Final = 24
"""Questions under way at once."""
PATIENCE: Final = 12.0
"""Seconds for the requests of one question together."""
DEADLINE: Final = 25.0
"""Seconds after which the round ends without those who have not answered."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something to look at, which may take its time.

    Args:
        name: of the finding that stands for it where it does not come to an end.
    """

    name: str
    ask: Callable[[], Iterable[Finding]]
    connection: str = ""


def probe(scene: Scene, connections: Iterable[Connection], *, whole: bool = True) -> list[Finding]:
    """Ask everybody at once and return what came, the bridge's own first, then connection by connection.

    Args:
        whole: also look at what belongs to the bridge itself.
    """
    questions = list(_of_the_bridge(scene)) if whole else []
    for one in connections:
        if one.enabled:
            questions += [Question(name, ask, one.name) for name, ask in connection.questions(scene, one)]
    found = carry_out(questions, scene.outbound)
    own = [finding for finding in found if not finding.connection]
    return [*own, *clock.of_this_machine(scene.offsets), *(one for one in found if one.connection)]


def _of_the_bridge(scene: Scene) -> Iterator[Question]:
    yield Question("machine", partial(machine.look, scene))
    yield Question("keys", partial(keys.look, scene.services.key_ring, scene.deployment.secret_keys))
    yield Question("store.database", partial(stores.look_at_database, scene))
    yield Question("store.sessions", partial(stores.look_at_redis, scene))
    yield Question("connections.file", partial(file.look, scene))
    yield Question("public_url", partial(front.look, scene))
    yield Question("hotline_sdk", partial(sdk.look, scene))


def carry_out(
    questions: list[Question],
    outbound: Outbound,
    *,
    patience: float = PATIENCE,
    deadline: float = DEADLINE,
) -> list[Finding]:
    """Ask all questions, some at a time, and return their findings in the questions' order.

    Args:
        patience: seconds for the requests of one question.
        deadline: seconds for all.
    """
    waiting: SimpleQueue[tuple[Question, Future[list[Finding]]]] = SimpleQueue()
    asked: list[tuple[Question, Future[list[Finding]]]] = [(question, Future()) for question in questions]
    for pair in asked:
        waiting.put(pair)
    for _ in range(min(TOGETHER, len(questions))):
        # Daemons: a name server or a handshake that hangs must not keep the command from ending.
        Thread(target=_work, args=(waiting, outbound, patience), name="check", daemon=True).start()
    wait([future for _, future in asked], deadline)
    return [finding for question, future in asked for finding in _told(question, future, deadline)]


def _work(waiting: SimpleQueue[tuple[Question, Future[list[Finding]]]], outbound: Outbound, patience: float) -> None:
    while True:
        try:
            question, answer = waiting.get_nowait()
        except Empty:
            return
        if not answer.set_running_or_notify_cancel():
            continue
        try:
            with outbound.in_a_hurry(patience):
                answer.set_result(list(_timed(question.ask())))
        except BaseException as fault:  # noqa: BLE001 — whatever it is, it belongs to who asked
            answer.set_exception(fault)


def _timed(findings: Iterable[Finding]) -> Iterator[Finding]:
    began = time.perf_counter()
    for finding in findings:
        ended = time.perf_counter()
        yield replace(finding, seconds=round(ended - began, 3))
        began = ended


def _told(question: Question, answer: Future[list[Finding]], deadline: float) -> list[Finding]:
    if answer.done():
        return answer.result()
    name, whose = question.name, question.connection
    if answer.cancel():
        what, advice = f"not asked within {deadline:.0f} seconds", "Ask for it alone: `check --connection NAME`."
        return [Finding(name, what, "warn", whose, advice)]
    advice = "Look at the network between here and there, and at the name servers."
    return [Finding(name, f"no end within {deadline:.0f} seconds", "fault", whose, advice)]


def grouped(findings: Iterable[Finding]) -> Iterator[tuple[str, list[Finding]]]:
    """Yield each connection's name with its findings, the bridge's own first, under an empty name."""
    for whose, group in groupby(findings, lambda finding: finding.connection):
        yield whose, list(group)
