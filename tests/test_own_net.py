"""``Classifier(net=…)``: a net of one's own through the whole house."""

from __future__ import annotations

import html
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from deeplode import Classifier, Regressor, load
from deeplode.errors import LimitError, ModelFileError, OptionError
from deeplode.saved import NONSENSE
from deeplode.tasks.model import Model

QUICK: dict[str, Any] = {"epochs": 8, "members": 2, "threads": 2}


def mine(n_inputs: int, n_outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(n_inputs, 24),
        nn.BatchNorm1d(24),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(24, n_outputs),
    )


def with_tanh(n_inputs: int, n_outputs: int) -> nn.Module:
    net = mine(n_inputs, n_outputs)
    net[2] = nn.Tanh()  # type: ignore[operator]
    return net


@pytest.fixture(scope="module")
def tumours() -> tuple[pd.DataFrame, pd.Series]:
    return load_breast_cancer(return_X_y=True, as_frame=True)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def fitted(tumours: tuple[pd.DataFrame, pd.Series]) -> Classifier:
    return Classifier(net=mine, **QUICK).fit(*tumours)


def score(model: Any, metric: str, name: str = "net") -> float:
    row = next(row for row in model.leaderboard_ if row["name"] == name)
    value: float = row["metrics"][metric]["value"]
    return value


def test_it_stands_as_net_beside_the_others_and_is_blended(fitted: Classifier) -> None:
    names = [row["name"] for row in fitted.leaderboard_]
    assert names == ["trivial", "linear", "trees", "net", "blend"]
    assert score(fitted, "roc_auc") > 0.95
    assert fitted.facts_["training"]["net"] == "mine"
    assert fitted.facts_["training"]["parameters"] == 2 * (30 * 24 + 24 + 24 + 24 + 24 + 1)
    assert fitted.facts_["calibration"]["temperature"] > 0


def test_same_seed_gives_the_same_bits_and_another_does_not(
    fitted: Classifier, tumours: tuple[pd.DataFrame, pd.Series]
) -> None:
    X, y = tumours
    torch.rand(7)  # what happened before is no matter
    again = Classifier(net=mine, **QUICK).fit(X, y)
    assert again.predict_proba(X).equals(fitted.predict_proba(X))
    other = Classifier(net=mine, seed=1, **QUICK).fit(X, y)
    assert not other.predict_proba(X).equals(fitted.predict_proba(X))


def test_a_saved_model_answers_with_the_same_bits(
    fitted: Classifier, tumours: tuple[pd.DataFrame, pd.Series], tmp_path: Path
) -> None:
    path = tmp_path / "mine.lode"
    fitted.save(path)
    loaded = load(path, nets={"mine": mine})
    assert loaded.predict_proba(tumours[0]).equals(fitted.predict_proba(tumours[0]))
    loaded.save(tmp_path / "again.lode")
    assert (tmp_path / "again.lode").read_bytes() == path.read_bytes()


def test_the_file_needs_the_net_it_was_trained_with(fitted: Classifier, tmp_path: Path) -> None:
    path = tmp_path / "mine.lode"
    fitted.save(path)
    cases: list[tuple[str, dict[str, Any] | None, str]] = [
        ("E-MODEL-016", None, "nets={'mine'"),
        ("E-MODEL-016", {"other": mine}, "'mine'"),
        ("E-MODEL-017", {"mine": lambda a, b: nn.Linear(a, b)}, "0.weight (24, 30)"),
        ("E-MODEL-017", {"mine": 5}, "int"),
        ("E-MODEL-017", {"mine": lambda a, b: 1 / 0}, "ZeroDivisionError"),
        ("E-MODEL-018", {"mine": with_tanh}, "computes otherwise"),
    ]
    for code, nets, words in cases:
        with pytest.raises(ModelFileError) as caught:
            load(path, nets=nets)
        assert caught.value.code == code
        assert words in str(caught.value)


def test_the_command_line_refuses_the_file_and_says_what_it_needs(
    fitted: Classifier, tumours: tuple[pd.DataFrame, pd.Series], tmp_path: Path
) -> None:
    from deeplode.cli.main import main

    fitted.save(tmp_path / "mine.lode")
    tumours[0].head().to_csv(tmp_path / "new.csv", index=False)
    status = main(["predict", str(tmp_path / "mine.lode"), str(tmp_path / "new.csv")])
    assert status == 6


def test_the_report_says_how_the_file_is_read_and_what_was_noticed(
    fitted: Classifier, tmp_path: Path
) -> None:
    fitted.report(tmp_path / "report.html")
    page = html.unescape((tmp_path / "report.html").read_text("utf-8"))
    assert "Deep net" in page
    assert 'load("model.lode", nets={"mine": net})' in page
    assert "deeplode predict" not in page
    assert [one["code"] for one in fitted.facts_["warnings"]] == [
        notice.code for notice in fitted.notices_
    ]
    fitted.report(tmp_path / "zh.html", language="zh")
    assert "没有其代码" in (tmp_path / "zh.html").read_text("utf-8")


def test_prediction_leaves_the_model_as_it_is_and_rows_do_not_see_their_neighbours(
    fitted: Classifier, tumours: tuple[pd.DataFrame, pd.Series]
) -> None:
    X = tumours[0]
    whole = fitted.predict_proba(X).to_numpy()
    np.testing.assert_allclose(fitted.predict_proba(X.iloc[5:6]).to_numpy(), whole[5:6], 1e-5, 1e-7)
    alone = fitted.predict_proba_one(X.iloc[7].to_dict())
    np.testing.assert_allclose(list(alone.values()), whole[7], 1e-5, 1e-7)
    assert (fitted.predict_proba(X).to_numpy() == whole).all()


def test_the_users_module_is_left_alone_and_ends_without_its_softmax() -> None:
    X, y = load_wine(return_X_y=True)
    net = nn.Sequential(nn.LazyLinear(16), nn.ReLU(), nn.LazyLinear(3), nn.Softmax(-1))
    model = Classifier(net=net, members=2).fit(X, y)
    assert isinstance(net[-1], nn.Softmax)
    assert isinstance(net[0], nn.LazyLinear)
    assert score(model, "accuracy") > 0.8
    assert [notice.code for notice in model.notices_ if notice.code.startswith("W-NET")] == [
        "W-NET-001"
    ]


def test_a_regression_is_in_the_targets_unit() -> None:
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    model = Regressor(net=("steps", mine), members=2, epochs=60).fit(X, y)
    assert score(model, "r2") > 0.3
    assert model.facts_["training"]["net"] == "steps"


def test_it_clones_and_sits_in_pipelines(tumours: tuple[pd.DataFrame, pd.Series]) -> None:
    X, y = tumours
    model = Classifier(net=mine, **QUICK)
    assert clone(model).get_params()["net"] is mine
    module = nn.Sequential(nn.LazyLinear(1))
    assert isinstance(clone(Classifier(net=module)).get_params()["net"], nn.Sequential)
    assert clone(Classifier(net=("a", mine))).get_params()["net"] == ("a", mine)
    assert cross_val_score(make_pipeline(StandardScaler(), model), X, y, cv=2).min() > 0.9


@pytest.mark.alone
def test_a_deadline_is_kept_and_leaves_a_net() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 10))
    y = X[:, 0] + X[:, 1] ** 2 > 0.5
    began = time.monotonic()
    model = Classifier(net=mine, epochs=10_000, time_limit=8).fit(X, y)
    assert time.monotonic() - began < 12
    assert score(model, "roc_auc") > 0.8


def test_a_memory_limit_shrinks_the_batches_or_ends_before_training() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3_000, 4))
    y = X[:, 0] > 0

    def wide(n_inputs: int, n_outputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(n_inputs, 12_000), nn.ReLU(), nn.LazyLinear(n_outputs))

    model = Classifier(
        net=wide, epochs=1, members=1, batch_size=2_600, memory_limit="1GB", blend=False
    ).fit(X, y)
    assert model.facts_["training"]["config"]["batch_size"] < 2_600
    assert "W-LIMIT-001" in [notice.code for notice in model.notices_]

    def huge(n_inputs: int, n_outputs: int) -> nn.Module:
        return nn.Sequential(
            nn.Linear(n_inputs, 4_000), nn.Linear(4_000, 4_000), nn.Linear(4_000, 1)
        )

    with pytest.raises(LimitError) as caught:
        Classifier(net=huge, epochs=1, members=4, memory_limit="1GB").fit(X, y)
    assert caught.value.code == "E-LIMIT-001"


@pytest.mark.parametrize(
    "change",
    [
        {"members": 3},
        {"members": 10**6},
        {"members": "2"},
        {"own": 7},
        {"layout": None},
        {"layout": [5]},
        {"layout": []},
        {"flat": {"numbers": 10**9, "gaps": [], "slots": []}},
        {"flat": {"numbers": 29, "gaps": [], "slots": []}},
        {"n_classes": 7},
    ],
    ids=str,
)
def test_facts_that_no_training_wrote_are_refused(
    change: dict[str, Any], fitted: Classifier
) -> None:
    facts, arrays = fitted.model_.facts(), fitted.model_.arrays()
    facts["candidates"]["net"] |= change
    with pytest.raises(NONSENSE):
        Model.restore(facts, arrays, {"mine": mine})


class NotANumber(nn.Linear):
    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return super().forward(rows) + rows.abs().sum(1, keepdim=True).neg().log()


class Softmax(nn.Linear):
    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return super().forward(rows).softmax(-1)


ONE = nn.Linear(30, 1)


@pytest.mark.parametrize(
    ("code", "choices"),
    [
        ("E-OPT-130", {"net": "resnet"}),
        ("E-OPT-134", {"net": nn.Linear(7, 1)}),
        ("E-OPT-135", {"net": nn.Linear(30, 3)}),
        ("E-OPT-136", {"net": NotANumber}),
        ("E-OPT-142", {"net": mine, "hidden": (8,)}),
        ("E-OPT-142", {"net": mine, "dropout": 0.5}),
        ("E-OPT-142", {"net": mine, "optimizer": "muon"}),
        ("E-OPT-143", {"net": lambda: ONE}),
    ],
)
def test_what_cannot_be_trained_is_refused(
    code: str, choices: dict[str, Any], tumours: tuple[pd.DataFrame, pd.Series]
) -> None:
    with pytest.raises(OptionError) as caught:
        Classifier(**{**QUICK, **choices}).fit(*tumours)
    assert caught.value.code == code


def test_probabilities_of_several_classes_are_refused() -> None:
    with pytest.raises(OptionError) as caught:
        Classifier(net=Softmax, **QUICK).fit(*load_wine(return_X_y=True))
    assert caught.value.code == "E-OPT-141"
