"""What this machine has and what of it this process may use, containers' limits included."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from deeplode.version import __version__

LIBRARIES = (
    "numpy", "polars", "pyarrow", "torch", "scikit-learn", "lightgbm", "safetensors", "pandas",
    "narwhals", "tokenizers",
)  # fmt: skip

_CGROUP = Path("/sys/fs/cgroup")
_UNLIMITED = 1 << 60  # version 1 writes nearly 2^63 where there is no limit


def usable_threads() -> int:
    """Cores that this process may keep busy: affinity, container quota and OMP_NUM_THREADS."""
    counts = [float(os.cpu_count() or 1)]
    if hasattr(os, "sched_getaffinity"):
        counts.append(len(os.sched_getaffinity(0)))
    counts += _quotas(_CGROUP)
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if wanted.isdigit() and int(wanted) > 0:
        counts.append(int(wanted))
    return max(1, int(min(counts)))


@cache  # read once: every prediction asks
def _quotas(root: Path) -> tuple[float, ...]:
    """Cores that each control group around this process grants. root: where groups are listed."""
    counts = []
    for folder in _cgroup_folders("cpu", root):
        text = _text(folder / "cpu.max") or " ".join(
            _text(folder / name) for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        )
        quota, _, period = text.partition(" ")
        if quota.isdigit() and period.isdigit():  # "max" and "-1" are no limits
            counts.append(int(quota) / int(period))
    return tuple(counts)


def memory_total() -> int:
    """Bytes of memory of the machine, or of the container where that is less."""
    return min([int(psutil.virtual_memory().total), *(limit for _, limit in _memory_groups())])


def memory_available() -> int:
    """Bytes that this process could still take without anything being swapped out or killed."""
    free = [int(psutil.virtual_memory().available)]
    for folder, limit in _memory_groups():
        used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes") or 0
        free.append(limit - used + _reclaimable(folder))
    return max(0, min(free))


def machine_facts(folder: str | Path = ".") -> dict[str, Any]:
    """What ``deeplode doctor`` tells. folder: where a run would be written.

    Sizes are in bytes. A library that is not installed is None.
    """
    import torch

    cuda = torch.cuda.is_available()
    return {
        "deeplode": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": {"machine": os.cpu_count(), "usable": usable_threads()},
        "memory": {
            "machine": int(psutil.virtual_memory().total),
            "total": memory_total(),
            "available": memory_available(),
        },
        "torch": {
            "threads": torch.get_num_threads(),
            "cuda": cuda,
            "gpus": [torch.cuda.get_device_name(at) for at in range(torch.cuda.device_count())]
            if cuda
            else [],
        },
        "libraries": library_versions(),
        "temporary": _place(Path(tempfile.gettempdir())),
        "output": _place(Path(folder).resolve()),
    }


def library_versions() -> dict[str, str | None]:
    """Versions of the libraries that results depend on; None where one is not installed."""
    found: dict[str, str | None] = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def _place(folder: Path) -> dict[str, Any]:
    """Whether files can be written into a folder, and how much fits."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            writable = True
        free: int | None = shutil.disk_usage(folder).free
    except OSError:
        writable, free = False, None
    return {"path": str(folder), "writable": writable, "free": free}


def _cgroup_folders(controller: str, root: Path) -> list[Path]:
    """Where limits on this process may stand: its own control group and those around it.

    See cgroups(7). Inside a container the innermost one is often mounted as the root.
    """
    if sys.platform != "linux":
        return []
    folders: list[Path] = []
    for line in _text(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            base = root
        elif controller in controllers.split(","):
            base = root / controller
        else:
            continue
        inner = base / path.lstrip("/")
        folders += [one for one in (inner, *inner.parents) if one == base or base in one.parents]
    return folders


def _memory_groups() -> list[tuple[Path, int]]:
    """Control groups that limit this process's memory, with their limits in bytes."""
    groups = []
    for folder in _cgroup_folders("memory", _CGROUP):
        limit = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
        if limit is not None and limit < _UNLIMITED:
            groups.append((folder, limit))
    return groups


def _reclaimable(folder: Path) -> int:
    """Bytes of files kept in memory that the kernel gives back when they are needed."""
    for line in _text(folder / "memory.stat").splitlines():
        name, _, value = line.partition(" ")
        if name in ("total_inactive_file", "inactive_file") and value.isdigit():
            return int(value)
    return 0


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
