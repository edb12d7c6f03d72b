"""How much memory processes take, as the kernel shares it out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.bench.processes import family

if TYPE_CHECKING:
    from tests.bench.processes import Process

_MIB: Final = 1024


@dataclass(frozen=True, slots=True)
class Footprint:
    """Memory of one process, in MiB.

    Args:
        pss: proportional set size: pages that several processes share are divided by their number.
        private: pages that are its own alone; what would come back, were it to end.
    """

    pss: float
    private: float


def largest(process: Process) -> Footprint:
    """Return the footprint of the largest of a process and its descendants: of a server's one worker."""
    return max((_footprint(pid) for pid in family(process.popen.pid)), key=lambda one: one.pss)


def _footprint(pid: int) -> Footprint:
    """Read what proc_pid_smaps_rollup(5) sums up, in KiB there."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()[1:]
    except OSError:
        return Footprint(0.0, 0.0)
    sizes = {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)}
    return Footprint(sizes["Pss"] / _MIB, (sizes["Private_Clean"] + sizes["Private_Dirty"]) / _MIB)
