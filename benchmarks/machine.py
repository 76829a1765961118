"""What a benchmark ran on: printed above every table and kept with every figure."""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from importlib import metadata
from pathlib import Path

LIBRARIES = (
    "deeplode",
    "torch",
    "scikit-learn",
    "lightgbm",
    "catboost",
    "xgboost",
    "pytabkit",
    "autogluon.tabular",
    "numpy",
    "networkx",
    "leidenalg",
    "pandas",
    "polars",
)
BYTES_PER_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def versions() -> dict[str, str]:
    """Library -> version, of those that are installed."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, str | int | float]:
    """Processor, cores this process may use, memory in GiB, system, threads asked for."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.system(),
        "load": round(os.getloadavg()[0], 1),
    }


def cores() -> int:
    """Cores of the machine, where the system does not say which are ours."""
    return os.cpu_count() or 1


def processor() -> str:
    """The processor's name as the system gives it."""
    told = Path("/proc/cpuinfo")
    if told.exists():
        for line in told.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def header() -> str:
    """Two lines for the top of a table."""
    here = machine()
    libraries = ", ".join(f"{name} {version}" for name, version in versions().items())
    return (
        f"{here['processor']}, {here['cores']} cores, {here['memory_gib']} GiB, {here['system']}, "
        f"load {here['load']} at the start\n{libraries}"
    )


def cpu_seconds() -> float:
    """User and system seconds so far of this process, its threads and its ended children."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in spent)


def peak_bytes(who: int = resource.RUSAGE_SELF) -> int:
    """The most memory held at once so far, in bytes."""
    return resource.getrusage(who).ru_maxrss * BYTES_PER_RSS_UNIT


class Stopwatch:
    """Wall and CPU seconds since it was made or last read."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), cpu_seconds()

    def lap(self) -> tuple[float, float]:
        """(wall, CPU) seconds since the last lap."""
        wall, cpu = time.perf_counter(), cpu_seconds()
        spent = wall - self.wall, cpu - self.cpu
        self.wall, self.cpu = wall, cpu
        return spent
