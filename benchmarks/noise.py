"""How often `deeplode compare` calls a difference real where there is none.

    python benchmarks/noise.py
    python benchmarks/noise.py --studies 20000 --choices 2

A study is a comparison of some choices with the same expected loss, on 40 or 150 validation rows.
Its losses are made up: how hard a row is (the same for all), and Gaussian noise of a choice's
seeds, of a choice's rows, and of both, in MIXES of sizes that training shows. The table gives the
share of studies that find any difference (p below 5 % after Holm's correction), mean over all
mixes and that of the worst mix.
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np
from machine import header
from tables import markdown

from deeplode.evaluate.paired import ALPHA, compare

ROWS = (40, 150)
MIXES = (  # standard deviations: between seeds, between rows, of both
    (0.05, 0.1, 0.1), (0.02, 0.1, 0.1), (0.1, 0.1, 0.1),
    (0.05, 0.0, 0.05), (0.02, 0.1, 0.3), (0.01, 0.1, 0.1),
)  # fmt: skip


def study(
    seeds: int, choices: int, rows: int, mix: tuple[float, ...], chance: np.random.Generator
) -> np.ndarray:
    """Losses without any effect, (seeds, choices, rows)."""
    of_seeds, of_rows, of_both = mix
    hard = chance.exponential(0.3, rows)
    moved = chance.normal(0, of_seeds, (seeds, choices, 1))
    each = chance.normal(0, of_rows, (choices, rows))
    return hard + moved + each + chance.normal(0, of_both, (seeds, choices, rows))


def found(seeds: int, choices: int, studies: int) -> tuple[float, float]:
    """Share of studies that find a difference: mean over mixes, and of the worst."""
    chance = np.random.default_rng(seeds * 100 + choices)
    shares = [
        np.mean(
            [
                (compare(study(seeds, choices, rows, mix, chance)).p < ALPHA).any()
                for _ in range(studies)
            ]
        )
        for rows, mix in product(ROWS, MIXES)
    ]
    return float(np.mean(shares)), float(np.max(shares))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=4000, help="of each kind of noise")
    parser.add_argument("--choices", default="2,3,6,12")
    parser.add_argument("--seeds", default="2,3,5,10")
    asked = parser.parse_args()
    print(header())
    print()
    choices = [int(one) for one in asked.choices.split(",")]
    rows = []
    for seeds in (int(one) for one in asked.seeds.split(",")):
        cells = [found(seeds, one, asked.studies) for one in choices]
        rows.append([str(seeds), *(f"{mean:.1%} ({worst:.1%})" for mean, worst in cells)])
    print(markdown(["seeds", *(f"{one} choices" for one in choices)], rows))


if __name__ == "__main__":
    main()
