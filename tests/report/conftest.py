"""Facts as result.json holds them, with realistic numbers, one set a task."""

from __future__ import annotations

import copy
import math
import random
from functools import cache
from typing import Any

import pytest

from deeplode.report.page import render

Facts = dict[str, Any]

COLUMNS = (
    ("age", "number", 0.0, 74),
    ("workclass", "category", 0.0573, 8),
    ("fnlwgt", "number", 0.0, 28523),
    ("education", "category", 0.0, 16),
    ("marital-status", "category", 0.0, 7),
    ("occupation", "category", 0.0575, 14),
    ("relationship", "category", 0.0, 6),
    ("capital-gain", "number", 0.0, 123),
    ("capital-loss", "number", 0.0, 99),
    ("hours-per-week", "number", 0.0, 96),
    ("native-country", "category", 0.0175, 41),
)


def interval(value: float, half: float) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def candidate(name: str, metrics: Facts, fit: float, predict: float) -> Facts:
    return {
        "name": name,
        "metrics": metrics,
        "fit_seconds": fit,
        "predict_seconds": predict,
    }


def verdict(deep_pays: object, code: str, metric: str, gain: float) -> Facts:
    values = {"metric": metric, "gain": gain, "low": -gain / 2, "high": gain * 2}
    return {
        "signal": True,
        "deep_pays": deep_pays,
        "text": "as said on the screen",
        "sentences": [
            {"code": "V-001", "values": {"metric": metric, "value": 1.0, "trivial": 0.5}},
            {"code": code, "values": {**values, "net_seconds": 34.2, "trees_seconds": 3.42}},
        ],
    }


def history(epochs: int, start: float, end: float) -> list[Facts]:
    chance = random.Random(0)
    return [
        {
            "epoch": epoch,
            "train_loss": end * 0.93
            + (start - end) * math.exp(-epoch / 5)
            + chance.gauss(0, 0.001),
            "valid_loss": end
            + (start - end) * math.exp(-epoch / 4)
            + 0.0006 * max(0, epoch - 18)
            + chance.gauss(0, 0.001),
        }
        for epoch in range(1, epochs + 1)
    ]


def common() -> Facts:
    return {
        "schema_version": 1,
        "verb": "train",
        "split": {"how": "random", "train": 34189, "valid": 4884, "test": 9769, "folds": 8},
        "training": {
            "epochs": 30,
            "best_epoch": 18,
            "members": 8,
            "rows_per_second": 181234.0,
            "parameters": 812345,
            "history": history(30, 0.55, 0.282),
        },
        "warnings": [
            {
                "code": "W-AUDIT-004",
                "column": "fnlwgt",
                "message": "Column 'fnlwgt' has nearly as many values as rows; it may be an id.",
            },
            {
                "code": "W-READ-002",
                "column": None,
                "message": "52 rows occur more than once.",
            },
        ],
        "findings": [],
        "limits": {
            "time_limit": None,
            "seconds": 58.31,
            "memory_limit": 4_000_000_000,
            "peak_memory_bytes": 1_123_000_000,
            "planned_memory_bytes": 1_400_000_000,
        },
        "seed": 0,
        "versions": {"deeplode": "0.1.0", "python": "3.11.9", "torch": "2.13.0", "polars": "2.1.0"},
        "files": {"model": "model.lode", "report": "report.html"},
    }


def binary() -> Facts:
    def scores(auc: float, half: float) -> Facts:
        return {
            "roc_auc": interval(auc, half),
            "average_precision": interval(auc - 0.1, 2 * half),
            "log_loss": interval(0.28 + (0.928 - auc) * 0.6, half),
            "accuracy": interval(0.873 - (0.928 - auc) * 0.26, half),
            "f1": interval(0.715, 0.009),
            "brier": interval(0.0884, 0.003),
        }

    steps = [i / 100 for i in range(1, 100)]
    return common() | {
        "task": "binary",
        "target": "income",
        "source": {
            "name": "adult.parquet",
            "rows": 48842,
            "columns": 14,
            "kinds": {"number": 5, "category": 6, "constant": 1, "id": 1},
            "features": [
                {
                    "name": name,
                    "kind": kind,
                    "missing": missing,
                    "distinct": distinct,
                    "used": True,
                    "reason": "",
                }
                for name, kind, missing, distinct in COLUMNS
            ]
            + [
                {
                    "name": "row_id",
                    "kind": "id",
                    "missing": 0.0,
                    "distinct": 48842,
                    "used": False,
                    "reason": "Every value occurs once: it names rows and tells nothing of others.",
                },
                {
                    "name": "survey_year",
                    "kind": "constant",
                    "missing": 0.0,
                    "distinct": 1,
                    "used": False,
                    "reason": "All rows hold the same value.",
                },
            ],
        },
        "metrics": scores(0.9301, 0.0049),
        "main_metric": "roc_auc",
        "leaderboard": [
            candidate("trivial", scores(0.5, 0.0), 0.001, 0.0002),
            candidate("linear", scores(0.9068, 0.006), 1.9, 0.011),
            candidate("trees", scores(0.9287, 0.005), 3.42, 0.051),
            candidate("net", scores(0.9194, 0.0053), 34.2, 0.084),
            candidate("blend", scores(0.9301, 0.0049), 37.7, 0.14),
        ],
        "answer": "blend",
        "verdict": verdict("unclear", "V-013", "roc_auc", 0.0014),
        "threshold": {
            "value": 0.41,
            "metric": "f1",
            "chosen_on": "valid",
            "curve": [
                {
                    "threshold": t,
                    "precision": 0.3 + 0.68 * t**0.6,
                    "recall": 1 - t**1.6,
                    "f1": 2 * (0.3 + 0.68 * t**0.6) * (1 - t**1.6) / (1.3 + 0.68 * t**0.6 - t**1.6),
                    "flagged": 0.62 * (1 - t) ** 1.4,
                }
                for t in steps
            ],
        },
        "calibration": {
            "temperature": 1.04,
            "ece": 0.0083,
            "bins": [
                {
                    "predicted": 0.05 + 0.1 * i,
                    "observed": min(1, max(0, 0.05 + 0.1 * i + 0.02 * (-1) ** i)),
                    "low": max(0, 0.0 + 0.1 * i),
                    "high": min(1, 0.1 + 0.1 * i),
                    "count": 4100 // (i + 1),
                }
                for i in range(10)
            ],
        },
        "confusion": {"classes": ["<=50K", ">50K"], "matrix": [[6873, 558], [702, 1636]]},
        "importance": [
            {"column": name, **interval(0.062 / (i + 1), 0.004 / (i + 1))}
            for i, (name, *_) in enumerate(COLUMNS)
        ],
        "target_distribution": {
            "classes": [{"class": "<=50K", "rows": 37155}, {"class": ">50K", "rows": 11687}],
            "others": 0,
            "others_rows": 0,
        },
    }


def multiclass() -> Facts:
    classes = ["晴", "多云", "小雨", "中雨", "大雨", "雾", "雪"]
    chance = random.Random(1)
    matrix = [[chance.randint(0, 40) for _ in classes] for _ in classes]
    for i in range(len(classes)):
        matrix[i][i] = 300 + 40 * i

    def scores(accuracy: float, half: float) -> Facts:
        return {
            "accuracy": interval(accuracy, half),
            "log_loss": interval(1.9 - 1.7 * accuracy, 0.02),
            "macro_f1": interval(accuracy - 0.03, half * 1.4),
            "roc_auc_ovr": interval(0.5 + accuracy / 2, half / 2),
        }

    facts = binary()
    for name in ("threshold", "calibration"):
        facts[name] = None
    return facts | {
        "task": "multiclass",
        "target": "天气",
        "source": facts["source"] | {"name": "天气数据.csv"},
        "metrics": scores(0.861, 0.011),
        "main_metric": "accuracy",
        "leaderboard": [
            candidate("trivial", scores(0.21, 0.012), 0.001, 0.0002),
            candidate("linear", scores(0.79, 0.012), 4.9, 0.02),
            candidate("trees", scores(0.844, 0.011), 9.1, 0.2),
            candidate("net", scores(0.858, 0.011), 25.0, 0.1),
            candidate("blend", scores(0.861, 0.011), 34.4, 0.3),
        ],
        "verdict": verdict(True, "V-011", "accuracy", 0.017),
        "confusion": {"classes": classes, "matrix": matrix},
        "target_distribution": {
            "classes": [
                {"class": name, "rows": 5 * sum(row)}
                for name, row in zip(classes, matrix, strict=True)
            ],
        },
    }


def regression() -> Facts:
    chance = random.Random(2)

    def scores(rmse: float) -> Facts:
        return {
            "rmse": interval(rmse, 1405.0),
            "mae": interval(rmse * 0.61, 700.0),
            "r2": interval(1 - (rmse / 115_390) ** 2, 0.008),
        }

    points = []
    for _ in range(1500):
        truth = math.exp(chance.gauss(12, 0.55))
        points.append([truth * math.exp(chance.gauss(0, 0.17)), truth])
    facts = binary()
    for name in ("threshold", "calibration", "confusion"):
        facts[name] = None
    return facts | {
        "task": "regression",
        "target": "median_house_value",
        "metrics": scores(43_213.4),
        "main_metric": "rmse",
        "leaderboard": [
            candidate("trivial", scores(115_390.2), 0.001, 0.0002),
            candidate("linear", scores(68_011.7), 0.4, 0.004),
            candidate("trees", scores(45_630.0), 2.2, 0.04),
            candidate("net", scores(44_102.9), 21.0, 0.06),
            candidate("blend", scores(43_213.4), 23.4, 0.1),
        ],
        "verdict": verdict(True, "V-011", "rmse", 2416.6),
        "residuals": {
            "points": points,
            "quantiles": {"0.05": -61_200.0, "0.5": -811.0, "0.95": 73_480.0},
        },
        "target_distribution": {
            "edges": [10_000 * i for i in range(51)],
            "counts": [int(900 * math.exp(-i / 14)) for i in range(50)],
        },
    }


EXAMPLES = {"binary": binary, "multiclass": multiclass, "regression": regression}


@pytest.fixture(params=EXAMPLES, ids=str)
def facts(request: pytest.FixtureRequest) -> Facts:
    """The facts of one run, of each task in turn."""
    return copy.deepcopy(EXAMPLES[request.param]())


@pytest.fixture(params=EXAMPLES, ids=str)
def page(request: pytest.FixtureRequest) -> str:
    """The English page of one run, of each task in turn."""
    return example_page(request.param, "en")


@cache
def example_page(task: str, language: str) -> str:
    """The page of an example, drawn once for all tests."""
    return render(EXAMPLES[task](), language)


@pytest.fixture(params=[(task, lang) for task in EXAMPLES for lang in ("en", "zh")], ids="-".join)
def page_and_language(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The page of each task in each language."""
    return example_page(*request.param), request.param[1]


@pytest.fixture
def binary_page() -> str:
    """The English page of a run that tells two classes apart."""
    return example_page("binary", "en")


@pytest.fixture
def binary_facts() -> Facts:
    """The facts of a run that tells two classes apart."""
    return binary()


@pytest.fixture
def multiclass_facts() -> Facts:
    """The facts of a run with seven classes, named in Chinese."""
    return multiclass()


@pytest.fixture
def regression_facts() -> Facts:
    """The facts of a run that predicts a price."""
    return regression()
