"""deeplode's deep net and blend beside other libraries at their defaults, on real tables.

    python benchmarks/tabular.py --cache ~/.cache/deeplode-benchmarks
    python benchmarks/tabular.py --only titanic,adult --peers lightgbm,deeplode
    python benchmarks/tabular.py --print

Each fit runs in its own process. Only missing cells are run; a library that is not installed in
this environment is skipped by name, and cells that another environment left are printed too.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from cells import DONE, Cell, is_wanted, run
from machine import header
from peers import PEERS
from sets import names, task_of
from tables import page

DEFAULT_CACHE = Path("~/.cache/deeplode-benchmarks").expanduser()


def options() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="folder of cells")
    parser.add_argument("--only", default="", help="sets, separated by commas; default all")
    parser.add_argument("--peers", default="", help=f"of {','.join(PEERS)}; default all")
    parser.add_argument("--cap", type=int, default=600, help="CPU seconds a fit may take")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--note", default="", help="kept with each cell, such as 'shared machine'")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--print", action="store_true", help="run nothing, print what is there")
    which.add_argument("--run", action="store_true", help="run what is missing, print no tables")
    return parser.parse_args()


def chosen(given: str, known: list[str]) -> list[str]:
    """The names asked for, in the order of the known ones; an unknown name ends the program."""
    asked = [name for name in given.split(",") if name]
    for name in asked:
        if name not in known:
            raise SystemExit(f"{name!r} is not one of {', '.join(known)}.")
    return [name for name in known if not asked or name in asked]


def run_missing(told: argparse.Namespace, sets: list[str], peers: list[str]) -> None:
    """Peer by peer, from the smallest set to the largest."""
    for peer in peers:
        version = PEERS[peer].version
        if version is None:
            print(f"{peer}: skipped, {PEERS[peer].distribution} is not installed", flush=True)
            continue
        for name in sets:
            cell = Cell(told.cache, name, peer, version)
            silent = PEERS[peer].is_variant and task_of(name) == "regression"
            if silent or not is_wanted(cell, told.cap):
                continue
            facts = run(cell, told.threads, told.cap, told.note)
            spent = facts["fit_cpu_seconds" if facts["status"] == DONE else "cpu_seconds"]
            print(f"{peer} {version} on {name}: {facts['status']}, {spent:.1f} CPU s", flush=True)


def main() -> None:
    """Run what is missing, then print the tables."""
    told = options()
    sets = chosen(told.only, names())
    peers = chosen(told.peers, list(PEERS))
    if not told.print:
        print(header(), flush=True)
        run_missing(told, sets, peers)
    if not told.run:
        print(page(told.cache, sets, peers))


if __name__ == "__main__":
    main()
