"""Classifier and Regressor as scikit-learn estimators: the contract, whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import deeplode
from deeplode import Classifier, Regressor

QUICK: dict[str, Any] = {"epochs": 2, "members": 1, "hidden": (16,), "threads": 1}

# A weight of 2 is not the same as the row twice: members hold out rows, not weights, and the
# batches of a net are drawn by rows.
NOT_EQUIVALENT = {
    "check_sample_weight_equivalence_on_dense_data": "rows, not weights, are drawn and held out"
}


@pytest.mark.parametrize("estimator", [Classifier, Regressor])
@pytest.mark.filterwarnings("ignore")  # some checks pass data that scikit-learn itself warns of
def test_scikit_learn_finds_nothing_to_complain_of(estimator: type) -> None:
    results = check_estimator(
        estimator(**QUICK), expected_failed_checks=NOT_EQUIVALENT, on_skip=None
    )
    # scikit-learn skips this one unless an environment variable is set.
    skipped = {one["check_name"] for one in results if one["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}


@pytest.fixture(scope="module")
def wine() -> tuple[pd.DataFrame, pd.Series]:
    """Real measurements of three growers' wines, rows shuffled, named by a text."""
    X, y = load_wine(return_X_y=True, as_frame=True)
    X.index = [f"bottle {at}" for at in range(len(X))]
    y.index = X.index
    order = np.random.default_rng(0).permutation(len(X))
    names = np.array(["Ada", "Bo", "Cy"])
    return X.iloc[order], pd.Series(names[y.iloc[order]], index=X.index[order])


@pytest.fixture(scope="module")
def fitted(wine: tuple[pd.DataFrame, pd.Series]) -> Classifier:
    return Classifier(**QUICK).fit(*wine)


def test_what_comes_in_as_pandas_goes_out_so_with_its_index(
    fitted: Classifier, wine: tuple[pd.DataFrame, pd.Series]
) -> None:
    X, y = wine
    called, sure = fitted.predict(X), fitted.predict_proba(X)
    assert isinstance(called, pd.Series)
    assert isinstance(sure, pd.DataFrame)
    assert list(called.index) == list(sure.index) == list(X.index)
    assert list(sure.columns) == ["Ada", "Bo", "Cy"]
    assert (called == y).mean() > 0.8


def test_what_comes_in_as_polars_goes_out_so(
    fitted: Classifier, wine: tuple[pd.DataFrame, pd.Series]
) -> None:
    X = pl.from_pandas(wine[0])
    called, sure = fitted.predict(X), fitted.predict_proba(X)
    assert isinstance(called, pl.Series)
    assert isinstance(sure, pl.DataFrame)
    assert called.to_list() == fitted.predict(wine[0]).tolist()


def test_arrays_give_arrays(wine: tuple[pd.DataFrame, pd.Series]) -> None:
    X, y = wine[0].to_numpy(), wine[1].to_numpy()
    model = Classifier(**QUICK).fit(X, y)
    sure = model.predict_proba(X)
    assert isinstance(sure, np.ndarray)
    np.testing.assert_allclose(sure.sum(axis=1), 1)
    assert (model.classes_[sure.argmax(axis=1)] == model.predict(X)).all()


def test_it_clones_and_sits_in_pipelines_searches_and_calibration(
    wine: tuple[pd.DataFrame, pd.Series],
) -> None:
    X, y = wine
    model = Classifier(**QUICK)
    assert clone(model).get_params() == model.get_params()
    assert make_pipeline(StandardScaler(), model).fit(X, y).score(X, y) > 0.8
    search = GridSearchCV(model, {"dropout": [0.0, 0.3]}, cv=2, scoring="neg_log_loss").fit(X, y)
    assert search.best_params_["dropout"] in (0.0, 0.3)
    assert CalibratedClassifierCV(model, cv=2).fit(X, y).score(X, y) > 0.8


def test_a_binary_search_by_area_under_the_curve_takes_pandas() -> None:
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    assert cross_val_score(Classifier(**QUICK), X, y, cv=2, scoring="roc_auc").min() > 0.9


def test_regression_predicts_numbers_in_the_targets_unit() -> None:
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    model = Regressor(**{**QUICK, "epochs": 10, "members": 2}).fit(X, y)
    assert isinstance(model.predict(X), pd.Series)
    assert model.score(X, y) > 0.3
    assert not hasattr(model, "predict_proba")


def test_a_saved_model_answers_with_the_same_bits(
    fitted: Classifier, tmp_path: Path, wine: tuple[pd.DataFrame, pd.Series]
) -> None:
    path = tmp_path / "wine.lode"
    fitted.save(path)
    loaded = deeplode.load(path)
    assert loaded.predict_proba(wine[0]).equals(fitted.predict_proba(wine[0]))
    assert list(loaded.classes_) == list(fitted.classes_)
    assert list(loaded.feature_names_in_) == list(fitted.feature_names_in_)
    with pytest.raises(deeplode.DeeplodeError, match="exists"):
        fitted.save(path)


def test_one_row_from_a_dict_is_answered_as_in_a_frame(
    fitted: Classifier, wine: tuple[pd.DataFrame, pd.Series]
) -> None:
    X = wine[0]
    for at in range(3):
        alone = fitted.predict_proba_one(X.iloc[at].to_dict())
        np.testing.assert_allclose(
            list(alone.values()), fitted.predict_proba(X).iloc[at], rtol=1e-5, atol=1e-7
        )
        assert fitted.predict_one(X.iloc[at].to_dict()) == fitted.predict(X).iloc[at]


def test_a_pure_net_holds_no_trees(wine: tuple[pd.DataFrame, pd.Series]) -> None:
    model = Classifier(**QUICK, blend=False).fit(*wine)
    assert "trees" not in model.model_.candidates
    assert model.model_.answer == "net"
    assert {row["name"] for row in model.leaderboard_} >= {"net", "trees", "linear", "trivial"}


def test_text_numbers_dates_and_gaps_are_learned_from_as_they_come() -> None:
    rng = np.random.default_rng(0)
    rows = 200
    size = rng.choice(["small", "large", None], rows)
    frame = pl.DataFrame(
        {
            "size": size.tolist(),
            "price": [f"${value:,.2f}" for value in rng.uniform(1, 5000, rows)],
            "seen": pl.datetime_range(
                pl.datetime(2024, 1, 1), pl.datetime(2024, 7, 18), "1d", eager=True
            )[:rows],
            "share": [f"{value} %" if value > 10 else None for value in range(rows)],
        }
    )
    y = pl.Series("bought", size == "large")
    model = Classifier(**{**QUICK, "epochs": 10}).fit(frame, y)
    assert model.score(frame, y) > 0.95
    assert model.predict(frame).dtype == pl.Boolean


def test_rows_of_one_group_validate_together(wine: tuple[pd.DataFrame, pd.Series]) -> None:
    X, y = wine
    groups = np.arange(len(X)) // 4
    model = Classifier(**QUICK).fit(X, y, groups=groups)
    assert model.score(X, y) > 0.5


def test_copies_that_are_said_to_belong_together_make_no_score_surer() -> None:
    X, y = load_diabetes(return_X_y=True)
    X, y = np.repeat(X[:60], 9, 0), np.repeat(y[:60], 9)
    sizes = []
    for groups in (np.arange(len(X)) // 9, None):
        guess = Regressor(**QUICK | {"members": 8}).fit(X, y, groups=groups).leaderboard_[0]
        one = guess["metrics"]["rmse"]
        sizes.append(one["high"] - one["low"])
    assert guess["name"] == "trivial"
    assert sizes[0] > 2 * sizes[1]  # 9 copies: 3 times


def test_what_is_not_fitted_says_so_and_shows_itself() -> None:
    model = Classifier(time_limit="5m")
    with pytest.raises(NotFittedError):
        model.predict([[1.0]])
    assert "5m" in model._repr_html_()


def test_the_report_of_an_estimator_says_that_its_scores_are_out_of_fold(
    fitted: Classifier, tmp_path: Path
) -> None:
    fitted.report(tmp_path / "report.html")
    assert "<html" in (tmp_path / "report.html").read_text("utf-8")
    assert fitted.facts_["split"]["how"] == "out_of_fold"
    assert "Deep net" in fitted._repr_html_()
