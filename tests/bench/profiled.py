"""The bridge in a worker that watches itself: where its CPU goes in the steady state.

``/profile`` tells what was seen since it was asked last. Watching costs about as much again as what is watched, calls
of C functions more: it shows proportions.
"""

from __future__ import annotations

import cProfile
import io
import os
import pstats
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bridge.app import from_environment, prepare_store
from bridge.settings import load
from tests.bench.parts import parts, works
from tests.bench.profiling import PATH

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

    from flask import Flask

_TOP: Final = 25


class Watched:
    """The bridge's WSGI application, each thread under a profiler of its own while it answers."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._mine = threading.local()
        self._all: list[cProfile.Profile] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == PATH:
            start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
            return [self._told().encode()]
        profile = self._profile()
        profile.enable()
        try:
            answer: Any = self._app(environ, start_response)
            body = list(answer)
            answer.close()
        finally:
            profile.disable()
        return body

    def _profile(self) -> cProfile.Profile:
        if not hasattr(self._mine, "profile"):
            self._mine.profile = cProfile.Profile(time.thread_time)  # waiting costs nothing
            self._all.append(self._mine.profile)
        profile: cProfile.Profile = self._mine.profile
        return profile

    def _told(self) -> str:
        seen = [profile for profile in self._all if profile.getstats()]
        told = io.StringIO()
        if seen:
            stats = pstats.Stats(*seen, stream=told).sort_stats("tottime").print_stats(_TOP)
            told.write(f"Own CPU by part:\n{parts(stats)}\n\nCPU by work:\n{works(stats)}\n")
        for profile in seen:
            profile.clear()
        return told.getvalue()


def create_app() -> Watched:
    """Make the application in the worker."""
    prepare_store(load(Path(os.environ["BRIDGE_CONFIG"]), os.environ))  # as `hotline-bridge serve` does
    return Watched(from_environment())
