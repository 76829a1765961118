"""Options: one name and one default for flag, TOML key and keyword."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from deeplode import options, readoptions
from deeplode.errors import OptionError
from deeplode.options import TrainOptions
from deeplode.quantity import duration, size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("1h", 3600), ("1h30m", 5400), ("2.5", 2.5), (7, 7), ("1 h", 3600)],
)
def test_a_time_limit_is_read_with_its_unit(text: str | float, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "5x", "0s", "-3s", "1.2.3s", 0, -1, "5m!", float("inf"), float("nan")]
)
def test_a_time_limit_that_is_none_is_refused(text: str | float) -> None:
    with pytest.raises(OptionError) as caught:
        TrainOptions(time_limit=text)
    assert caught.value.code == "E-OPT-005"


@pytest.mark.parametrize(
    ("text", "count"),
    [("4GB", 4 * 10**9), ("4G", 4 * 10**9), ("512MiB", 2**29), ("1.5 tb", 15 * 10**11), (9, 9)],
)
def test_a_memory_limit_is_read_with_its_unit(text: str | int, count: int) -> None:
    assert size(text) == count


@pytest.mark.parametrize("text", ["", "much", "4XB", "-1GB", 0, "1e99999"])
def test_a_memory_limit_that_is_none_is_refused(text: str | int) -> None:
    with pytest.raises(OptionError) as caught:
        TrainOptions(memory_limit=text)
    assert caught.value.code == "E-OPT-005"


def test_a_mistyped_name_is_told_the_nearest_one() -> None:
    with pytest.raises(OptionError, match="time_limit"):
        TrainOptions().with_values({"time-limt": "5m"})


@pytest.mark.parametrize(
    ("name", "value", "near"),
    [
        ("optimizer", "adm", "adam"),
        ("activation", "reluu", "relu"),
        ("schedule", "cosin", "cosine"),
    ],
)
def test_a_misspelt_choice_is_told_the_nearest_one(name: str, value: str, near: str) -> None:
    from deeplode.fit.config import FitConfig

    for make in (TrainOptions, FitConfig):
        with pytest.raises(OptionError) as caught:
            make(**{name: value})  # type: ignore[arg-type]
        assert caught.value.code == "E-OPT-009"
        assert caught.value.values["near"] == near


def test_a_choice_far_from_any_is_told_all_of_them() -> None:
    with pytest.raises(OptionError) as caught:
        TrainOptions(device="gpu")
    assert caught.value.code == "E-OPT-002"


def test_a_file_of_options_gives_the_same_object_as_keywords(tmp_path: Path) -> None:
    path = tmp_path / "options.toml"
    path.write_text(
        'target = "price"\ntime_limit = "5m"\nhidden = [64, 64]\ndrop = ["a,b", "c"]\n'
        'blend = false\n[kinds]\nzip = "category"\n',
        "utf-8",
    )
    assert TrainOptions.from_toml(path) == TrainOptions(
        target="price",
        time_limit="5m",
        hidden=(64, 64),
        drop=("a,b", "c"),
        blend=False,
        kinds={"zip": "category"},
    )


@pytest.mark.parametrize("content", [b"target = ", b"\xff\xfe", None])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "options.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OptionError, match=r"options\.toml"):
        TrainOptions.from_toml(path)


@pytest.mark.parametrize(
    "values",
    [
        {"device": "gpu"},
        {"split": "sometimes"},
        {"seed": -1},
        {"seed": True},
        {"threads": 0},
        {"epochs": 1.5},
        {"optimizer": "adamax2"},
        {"blend": "no"},
        {"target": 5},
        {"hidden": "256,256"},
        {"resume": True, "force": True},
        {"resume": True, "replay": "run"},
    ],
    ids=str,
)
def test_values_that_make_no_sense_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        TrainOptions(**values)


def test_recorded_options_make_the_same_options_again() -> None:
    one = TrainOptions(target="y", hidden=(8, 8), drop=("a",), kinds={"b": "id"}, batch_size="full")
    assert TrainOptions().with_values(one.as_json()) == one


def test_network_choices_are_those_that_were_made() -> None:
    assert TrainOptions(epochs=3, target="y", blend=False).net() == {"epochs": 3}


def test_every_option_says_what_it_is_and_where_it_stands() -> None:
    for one in fields(TrainOptions):
        assert one.metadata["about"].endswith((".", "…")), one.name
        assert one.metadata["group"] in readoptions.GROUPS, one.name


def test_network_options_are_choices_of_the_training() -> None:
    from deeplode.fit.config import FitConfig
    from deeplode.fit.optimizers import KERAS, OPTIMIZERS, STYLES
    from deeplode.fit.schedules import SCHEDULES
    from deeplode.nets.activation import ACTIVATIONS

    network = {one.name for one in fields(TrainOptions) if one.metadata["group"] == "Network"}
    assert network - {"blend"} <= {one.name for one in fields(FitConfig)}
    assert set(options.ACTIVATIONS) == set(ACTIVATIONS)
    assert set(options.OPTIMIZERS) == set(OPTIMIZERS) == set(KERAS)
    assert options.STYLES == STYLES
    assert set(options.SCHEDULES) == set(SCHEDULES)
