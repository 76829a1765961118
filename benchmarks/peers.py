"""The libraries that deeplode is measured beside, each at its own defaults, seed 0.

A peer's function builds its model without fitting, so that imports are not timed. Nothing here is
imported before it is asked for: what is not installed is skipped by name.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sets import (
    Plain,
    Set,
    as_categories,
    as_few_categories,
    as_filled,
    as_strings,
    filled_categories,
)

Answers = tuple[NDArray[np.float64], ...]  # probabilities or values, for each column of the table


class Model(Protocol):
    """Something that learns from the training rows of its set and answers for the test rows."""

    def fit(self) -> None:
        """Learn."""

    def answers(self) -> Answers:
        """Probabilities (rows, classes) or values (rows,), in the order of Peer.columns."""

    def parts(self) -> dict[str, float]:
        """Wall seconds of the columns that took a known share of the fit."""


@dataclass
class Estimator:
    """A scikit-learn style estimator on columns made ready for it."""

    data: Set
    estimator: Any
    ready: Callable[[Plain], tuple[Any, Any]]

    def fit(self) -> None:
        """Make the columns ready and learn; both are timed."""
        train, self.test = self.ready(self.data.plain)
        self.estimator.fit(train, self.data.y_train)

    def answers(self) -> Answers:
        """See Model."""
        ask = self.estimator.predict if self.data.is_regression else self.estimator.predict_proba
        return (np.asarray(ask(self.test), np.float64),)

    def parts(self) -> dict[str, float]:
        """None: one fit, one column."""
        return {}


def lightgbm(data: Set, threads: int) -> Model:
    """LightGBM; strings as categories."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMRegressor if data.is_regression else LGBMClassifier
    estimator = kind(n_jobs=threads, random_state=0, verbose=-1)
    return Estimator(data, estimator, as_categories)


def xgboost(data: Set, threads: int) -> Model:
    """XGBoost; strings as categories."""
    from xgboost import XGBClassifier, XGBRegressor

    kind = XGBRegressor if data.is_regression else XGBClassifier
    estimator = kind(n_jobs=threads, random_state=0, enable_categorical=True)
    return Estimator(data, estimator, as_categories)


def hist_gradient_boosting(data: Set, threads: int) -> Model:
    """scikit-learn's HistGradientBoosting; its threads are set from outside (OMP_NUM_THREADS)."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if data.is_regression else HistGradientBoostingClassifier
    return Estimator(data, kind(random_state=0), as_few_categories)


def sklearn_mlp(data: Set, threads: int) -> Model:
    """scikit-learn's MLP behind one-hot and standardising; regression targets standardised too."""
    from sklearn.compose import TransformedTargetRegressor, make_column_transformer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), list(data.plain.categories)),
        remainder=StandardScaler(),
    )
    net: Any = MLPClassifier(random_state=0)
    if data.is_regression:
        net = TransformedTargetRegressor(MLPRegressor(random_state=0), transformer=StandardScaler())
    return Estimator(data, make_pipeline(columns, net), as_filled)


def catboost(data: Set, threads: int) -> Model:
    """CatBoost; strings as its own categories."""
    from catboost import CatBoostClassifier, CatBoostRegressor

    kind = CatBoostRegressor if data.is_regression else CatBoostClassifier
    estimator = kind(
        cat_features=list(data.plain.categories),
        thread_count=threads,
        random_seed=0,
        verbose=False,
        allow_writing_files=False,
    )
    return Estimator(data, estimator, as_strings)


def realmlp(data: Set, threads: int) -> Model:
    """RealMLP-TD of pytabkit; it takes no gaps in numbers, so they are filled."""
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    kind = RealMLP_TD_Regressor if data.is_regression else RealMLP_TD_Classifier
    estimator = kind(device="cpu", random_state=0, n_threads=threads)
    return Estimator(data, estimator, filled_categories)


def realmlp_log_loss(data: Set, threads: int) -> Model:
    """RealMLP-TD that keeps the epoch of the lowest log loss, not of the fewest errors."""
    from pytabkit import RealMLP_TD_Classifier

    stop = {"val_metric_name": "cross_entropy"}
    estimator = RealMLP_TD_Classifier(device="cpu", random_state=0, n_threads=threads, **stop)
    return Estimator(data, estimator, filled_categories)


def tabm(data: Set, threads: int) -> Model:
    """TabM-D of pytabkit; gaps in numbers filled alike."""
    from pytabkit import TabM_D_Classifier, TabM_D_Regressor

    kind = TabM_D_Regressor if data.is_regression else TabM_D_Classifier
    estimator = kind(device="cpu", random_state=0, n_threads=threads)
    return Estimator(data, estimator, filled_categories)


@dataclass
class AutoGluon:
    """One of AutoGluon's nets alone, at the settings of its medium preset."""

    data: Set
    net: str  # AutoGluon's key of the model family
    threads: int
    metric: str | None = None  # what it stops on; None is its default

    def fit(self) -> None:
        """Learn in a temporary folder; AutoGluon holds out its own validation rows."""
        from autogluon.tabular import TabularPredictor

        train, self.test = as_categories(self.data.plain)
        self.predictor = TabularPredictor(
            label="the target",
            eval_metric=self.metric,
            problem_type=self.data.task,
            path=tempfile.mkdtemp(),
            verbosity=0,
        ).fit(
            train.assign(**{"the target": self.data.y_train}),
            hyperparameters={self.net: {}},
            fit_weighted_ensemble=False,
            num_cpus=self.threads,
            num_gpus=0,
        )

    def answers(self) -> Answers:
        """See Model."""
        if self.data.is_regression:
            return (self.predictor.predict(self.test).to_numpy(np.float64),)
        chances = self.predictor.predict_proba(self.test)
        return (chances[sorted(chances.columns)].to_numpy(np.float64),)

    def parts(self) -> dict[str, float]:
        """None: one fit, one column."""
        return {}


def autogluon_torch(data: Set, threads: int) -> Model:
    """AutoGluon's torch net."""
    import autogluon.tabular  # noqa: F401  # so that the import is not timed

    return AutoGluon(data, "NN_TORCH", threads)


def autogluon_torch_log_loss(data: Set, threads: int) -> Model:
    """AutoGluon's torch net, stopped on log loss."""
    import autogluon.tabular  # noqa: F401  # so that the import is not timed

    return AutoGluon(data, "NN_TORCH", threads, "log_loss")


def autogluon_fastai(data: Set, threads: int) -> Model:
    """AutoGluon's fastai net."""
    import autogluon.tabular  # noqa: F401  # so that the import is not timed

    return AutoGluon(data, "FASTAI", threads)


@dataclass
class Deeplode:
    """deeplode at its defaults on the columns as they were read: one fit gives two columns."""

    data: Set
    estimator: Any

    def fit(self) -> None:
        """Learn net, trees and blend."""
        self.estimator.fit(self.data.train, self.data.y_train)

    def answers(self) -> Answers:
        """The net inside the model, at its own temperature, and the blend."""
        from deeplode.data.table import Table

        model = self.estimator.model_
        net = replace(model, answer="net")
        table = Table.of(pl.from_pandas(self.data.test))
        return net.predict(table).outputs, model.predict(table).outputs

    def parts(self) -> dict[str, float]:
        """The net's own share of the fit, as the leaderboard has it."""
        seconds = {row["name"]: row["fit_seconds"] for row in self.estimator.leaderboard_}
        return {"deeplode net": float(seconds["net"])}


def deeplode(data: Set, threads: int) -> Model:
    """deeplode itself."""
    from deeplode import Classifier, Regressor

    kind: Any = Regressor if data.is_regression else Classifier
    return Deeplode(data, kind(seed=0, threads=threads))


@dataclass(frozen=True)
class Peer:
    """A name on the command line, its columns in the tables, its distribution, its builder."""

    name: str
    columns: tuple[str, ...]
    distribution: str
    build: Callable[[Set, int], Model]
    is_variant: bool = False  # another setting for classes: shown beside, given no rank

    @property
    def version(self) -> str | None:
        """The installed version; None when it is not installed."""
        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return None


PEERS = {
    peer.name: peer
    for peer in (
        Peer("deeplode", ("deeplode net", "deeplode blend"), "deeplode", deeplode),
        Peer("lightgbm", ("LightGBM",), "lightgbm", lightgbm),
        Peer("xgboost", ("XGBoost",), "xgboost", xgboost),
        Peer("histgb", ("HistGradientBoosting",), "scikit-learn", hist_gradient_boosting),
        Peer("sklearn-mlp", ("scikit-learn MLP",), "scikit-learn", sklearn_mlp),
        Peer("catboost", ("CatBoost",), "catboost", catboost),
        Peer("tabm", ("TabM-D",), "pytabkit", tabm),
        Peer("realmlp", ("RealMLP-TD",), "pytabkit", realmlp),
        Peer(
            "realmlp-logloss",
            ("RealMLP-TD, log-loss stop",),
            "pytabkit",
            realmlp_log_loss,
            is_variant=True,
        ),
        Peer(
            "autogluon-logloss",
            ("AutoGluon NN_TORCH, log-loss stop",),
            "autogluon.tabular",
            autogluon_torch_log_loss,
            is_variant=True,
        ),
        Peer("autogluon-torch", ("AutoGluon NN_TORCH",), "autogluon.tabular", autogluon_torch),
        Peer("autogluon-fastai", ("AutoGluon FASTAI",), "autogluon.tabular", autogluon_fastai),
    )
}
