"""``hotline-bridge`` with other Granian options than it gives: the first argument is a worker's runtime threads."""

from __future__ import annotations

import sys
from functools import partial

from bridge import cli, serving

if __name__ == "__main__":
    serving.Server = partial(serving.Server, runtime_threads=int(sys.argv.pop(1)))  # type: ignore[assignment,misc]
    cli.main(prog_name="hotline-bridge")
