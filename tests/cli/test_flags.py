"""Flags become options: quoting, lists, files and who wins."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from deeplode.cli.flags import takes
from deeplode.cli.screen import Screen
from deeplode.options import TrainOptions


def parsed(*flags: str) -> TrainOptions:
    """The options that a command gets for these flags."""
    seen: list[TrainOptions] = []

    def command(*, options: TrainOptions, screen: Screen) -> None:
        seen.append(options)

    app = typer.Typer(add_completion=False)
    app.command()(takes(TrainOptions)(command))
    app(list(flags), standalone_mode=False)
    return seen[0]


def test_no_flag_gives_every_default() -> None:
    assert parsed() == TrainOptions()


def test_columns_are_split_at_commas_but_not_inside_double_quotes() -> None:
    assert parsed("--drop", 'a,"b,c"', "--drop", "d").drop == ("a", "b,c", "d")


def test_a_kind_follows_the_last_equals_sign() -> None:
    assert parsed("--kinds", 'zip=category,"x=1,y"=number').kinds == {
        "zip": "category",
        "x=1,y": "number",
    }


@pytest.mark.parametrize(
    ("flags", "name", "value"),
    [
        (["--hidden", "64,32"], "hidden", (64, 32)),
        (["--batch-size", "full"], "batch_size", "full"),
        (["--batch-size", "1"], "batch_size", 1),
        (["--no-blend"], "blend", False),
        (["--force"], "force", True),
        (["--learning-rate", "1e-3"], "learning_rate", 0.001),
        (["--time-limit", "1h"], "seconds", 3600),
        (["--memory-limit", "4GB"], "memory_bytes", 4 * 10**9),
        (["--delimiter", "\t"], "delimiter", "\t"),
        (["--target", "价格"], "target", "价格"),
        (["--target", ""], "target", ""),
        (["--seed", "0"], "seed", 0),
    ],
)
def test_a_flag_sets_its_option(flags: list[str], name: str, value: object) -> None:
    assert getattr(parsed(*flags), name) == value


def test_a_flag_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    path = tmp_path / "options.toml"
    path.write_text("seed = 5\nepochs = 9\nblend = false\n")
    made = parsed("--config", str(path), "--seed", "0")
    assert (made.seed, made.epochs, made.blend) == (0, 9, False)
