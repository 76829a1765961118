"""Real data sets that come with scikit-learn, so that everything can be tried at once."""

from __future__ import annotations

import difflib

import polars as pl

from deeplode.errors import DataError

DEMOS = ("breast-cancer", "digits", "diabetes", "wine")


def demo(name: str) -> pl.DataFrame:
    """A bundled data set; the column to predict is named ``target``.

    ``breast-cancer`` (569 rows, malignant or benign), ``digits`` (1797 rows, 0 to 9),
    ``diabetes`` (442 rows, a number, columns in their own units), ``wine`` (178 rows, three
    classes). Raises DataError for any other name.
    """
    if name not in DEMOS:
        near = difflib.get_close_matches(name, DEMOS, n=1, cutoff=0.3)
        raise DataError(
            "E-DATA-021", source=f"demo:{name}", near=(near or DEMOS)[0], known=", ".join(DEMOS)
        )
    from sklearn import datasets

    load = {
        "breast-cancer": datasets.load_breast_cancer,
        "digits": datasets.load_digits,
        "diabetes": lambda: datasets.load_diabetes(scaled=False),
        "wine": datasets.load_wine,
    }[name]
    bunch = load()
    frame = pl.DataFrame(bunch.data, schema=[str(column) for column in bunch.feature_names])
    target = pl.Series("target", bunch.target)
    if name in ("breast-cancer", "wine"):
        target = pl.Series("target", bunch.target_names[bunch.target].tolist())
    return frame.with_columns(target)
