"""The choices of training through the estimators, in combination, to facts and report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deeplode import Classifier, Regressor, load
from deeplode.choices import ACTIVATIONS, OPTIMIZERS, SCHEDULES
from deeplode.errors import OptionError

PAGE = Path(__file__).parents[1] / "docs" / "training.md"
SMALL: dict[str, Any] = {"members": 2, "hidden": (8,), "epochs": 3, "threads": 1, "blend": False}


def some_data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(240, 4))
    return X, (X[:, 0] + 0.3 * rng.normal(size=240) > 0).astype(int)


@pytest.mark.parametrize(
    "choices",
    [
        {"activation": "prelu", "optimizer": "muon", "schedule": "warm_up", "max_norm": 1.0},
        {"activation": "selu", "optimizer": "nadam", "optimizer_style": "keras", "l2": 1e-3},
        {"batch_size": "full", "optimizer": "nesterov", "schedule": "step", "clip_norm": 9.0},
        {"batch_size": 1, "optimizer": "sgd", "learning_rate": 0.01, "input_noise": 0.1},
        {"batch_size": 8, "accumulate": 4, "label_smoothing": 0.1, "dropout": 0.3},
    ],
    ids=lambda choices: "-".join(str(value) for value in choices.values()),
)
def test_choices_in_combination_learn_are_recorded_and_saved(
    choices: dict[str, Any], tmp_path: Path
) -> None:
    X, y = some_data()
    model = Classifier(**{**SMALL, "epochs": 40}, **choices).fit(X, y)
    config = model.facts_["training"]["config"]
    given = {name: value for name, value in choices.items() if value != "full"}
    assert {name: config[name] for name in given} == given
    assert model.score(X, y) > 0.7
    model.save(tmp_path / "model.lode")
    again = load(tmp_path / "model.lode")
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_l1_leaves_exact_zeros_that_facts_and_report_count(tmp_path: Path) -> None:
    X, y = some_data()
    model = Classifier(**SMALL, l1=2.0).fit(X, y)
    learned = model.model_.candidates["net"].ensemble.weights
    zeros = sum(int((weight == 0).sum()) for weight in learned)
    assert model.facts_["training"]["zeros"] == zeros > 0
    model.report(tmp_path / "with.html")
    assert "Weights that are exactly 0" in (tmp_path / "with.html").read_text("utf-8")
    plain = Classifier(**SMALL).fit(X, y)
    plain.report(tmp_path / "without.html")
    assert "Weights that are exactly 0" not in (tmp_path / "without.html").read_text("utf-8")


@pytest.mark.parametrize(
    "wrong",
    [
        {"clip_norm": -1},
        {"accumulate": 0},
        {"label_smoothing": 1.5},
        {"optimizer": "adan"},
        {"optimizer_style": "jax"},
        {"input_noise": "loud"},
        {"max_norm": float("nan")},
    ],
    ids=str,
)
def test_nonsense_is_refused_before_training(wrong: dict[str, Any]) -> None:
    X, y = some_data()
    with pytest.raises(OptionError):
        Classifier(**SMALL, **wrong).fit(X, y)


@pytest.mark.parametrize("names", [ACTIVATIONS, OPTIMIZERS, SCHEDULES], ids=lambda names: names[0])
def test_every_choice_is_explained_and_the_readme_counts_them(names: tuple[str, ...]) -> None:
    page = PAGE.read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    for name in names:
        assert any(f"`{name}`" in row.split("|")[1] for row in rows), name
    readme = " ".join((PAGE.parents[1] / "README.md").read_text("utf-8").split())
    assert f"{len(ACTIVATIONS)} activations, {len(OPTIMIZERS)} optimizers" in readme


def test_labels_of_a_quantity_cannot_be_smoothed() -> None:
    X, _ = some_data()
    with pytest.raises(OptionError, match="label_smoothing"):
        Regressor(**SMALL, label_smoothing=0.1).fit(X, X[:, 0])
