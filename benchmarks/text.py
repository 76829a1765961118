"""Texts: deeplode beside TF-IDF with a linear model, and fastText.

    python benchmarks/text.py
    python benchmarks/text.py --only sms_spam,imdb --seeds 1 --peers tfidf
    python benchmarks/text.py --together

A fifth of each set is held out, another one for each seed; IMDB keeps its own halves. deeplode has
its defaults on the columns as they are; its net, linear model, trees and blend come from one fit.
TF-IDF is over words and pairs of words, for Chinese over one to three characters, with
scikit-learn's LogisticRegression at C = 1, its default, and at C = 10. fastText has bigrams, a
learning rate of 0.5 and 5 or 25 epochs, on lower case with signs set apart, for Chinese on
characters. Seconds are of fit and predict together. Peers that are not installed are left out:
fastText is in the package fasttext-numpy2-wheel.

``--together`` asks another question: whether a review says more with its row than alone.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
import polars as pl
from machine import Stopwatch, header
from numpy.typing import NDArray
from tables import markdown

THREADS = 2
RESAMPLES = 1_000
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Set:
    """A file, its columns of text, its target, and whether its words are characters."""

    file: str
    texts: tuple[str, ...]
    target: str
    characters: bool = False
    split: str | None = None  # a column that says which rows are for training


SETS = {
    "sms_spam": Set("text/sms_spam", ("text",), "label"),
    "ag_news": Set("text/ag_news_testpart", ("title", "description"), "label"),
    "imdb": Set("text/imdb_20k", ("text",), "label", split="split"),
    "zh_hotel": Set("text/zh_hotel_reviews", ("review",), "label", characters=True),
    "zh_shopping": Set("text/zh_online_shopping_10_cats", ("review",), "label", characters=True),
    "zh_shopping_cat": Set("text/zh_online_shopping_10_cats", ("review",), "cat", characters=True),
    "clothing": Set(
        "multimodal/womens_clothing_reviews", ("Title", "Review Text"), "Recommended IND"
    ),
}
OWN = ("net", "linear", "trees", "blend")


@dataclass(frozen=True)
class Task:
    """One set, split. train, test: frames of all columns; classes of both as numbers."""

    set: Set
    train: pl.DataFrame
    test: pl.DataFrame
    y_train: Labels
    y_test: Labels

    def plain(self, frame: pl.DataFrame) -> list[str]:
        """A text for each row: its columns of text in one."""
        columns = [pl.col(name).fill_null("") for name in self.set.texts]
        return frame.select(pl.concat_str(columns, separator=" "))[:, 0].to_list()


def read(known: Set) -> pl.DataFrame:
    """The whole file; ends the program with a clear word when it is nowhere."""
    path = Path(os.environ.get("DEEPLODE_DATA", "")) / f"{known.file}.parquet"
    if not path.exists():
        sys.exit("Set DEEPLODE_DATA to the folder that holds text/ and multimodal/.")
    return pl.read_parquet(path)


def task(known: Set, seed: int) -> Task:
    """The set, split by this seed."""
    frame = read(known)
    label = np.unique(frame[known.target].to_numpy(), return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(len(frame))
    held = np.zeros(len(frame), np.bool_)
    held[order[: len(frame) // 5]] = True
    if known.split is not None:
        held = (frame[known.split] == "test").to_numpy()
        order = order[~held[order]]
    train = order[~held[order]]
    test = np.flatnonzero(held)
    return Task(known, frame[train], frame[test], label[train], label[test])


Answers = dict[str, NDArray[np.float64]]  # column -> probabilities, (test rows, classes)


def deeplode(one: Task, seed: int) -> Answers:
    """Its defaults, and every candidate of the one fit."""
    from deeplode import Classifier
    from deeplode.data.table import Table

    names = list(one.set.texts)
    fitted = Classifier(seed=seed, threads=THREADS).fit(one.train.select(names), one.y_train)
    table = Table.of(one.test.select(names))
    model = fitted.model_
    there = [name for name in OWN if name == "blend" or name in model.candidates]
    return {name: replace(model, answer=name).predict(table).outputs for name in there}


def tfidf(one: Task, seed: int, strength: float = 1.0) -> NDArray[np.float64]:
    """TF-IDF and logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    how: dict[str, Any] = {"ngram_range": (1, 2)}
    if one.set.characters:
        how = {"analyzer": "char", "ngram_range": (1, 3)}
    model = make_pipeline(
        TfidfVectorizer(**how), LogisticRegression(C=strength, max_iter=1_000, random_state=seed)
    )
    model.fit(one.plain(one.train), one.y_train)
    return np.asarray(model.predict_proba(one.plain(one.test)))


def fasttext(one: Task, seed: int, epochs: int = 5) -> NDArray[np.float64]:
    """fastText with bigrams."""
    import fasttext as library

    def line(text: str) -> str:
        plain = " ".join(text.lower().split())
        if one.set.characters:
            return " ".join(plain.replace(" ", ""))
        return re.sub(r"([.!?,'/()])", r" \1 ", plain)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        rows = zip(one.y_train, one.plain(one.train), strict=True)
        path.write_text("".join(f"__label__{label} {line(text)}\n" for label, text in rows))
        model = library.train_supervised(
            str(path), lr=0.5, epoch=epochs, wordNgrams=2, thread=THREADS, seed=seed, verbose=0
        )
    found = np.zeros((len(one.test), int(one.y_train.max()) + 1))
    labels, _ = model.predict([line(text) for text in one.plain(one.test)])
    found[np.arange(len(labels)), [int(first.removeprefix("__label__")) for (first,) in labels]] = 1
    return found  # the likeliest class alone: some builds say one probability for all


PEERS: dict[str, tuple[str, dict[str, Callable[[Task, int], NDArray[np.float64]]]]] = {
    "tfidf": (
        "sklearn",
        {
            "TF-IDF + LR": tfidf,
            "TF-IDF + LR, C = 10": lambda one, seed: tfidf(one, seed, 10.0),
        },
    ),
    "fasttext": (
        "fasttext",
        {
            "fastText, 5 epochs": fasttext,
            "fastText, 25 epochs": lambda one, seed: fasttext(one, seed, 25),
        },
    ),
}


def measured(one: Task, seed: int, peers: list[str]) -> dict[str, tuple[float, float, float]]:
    """Column -> accuracy, wall and CPU seconds."""
    watch = Stopwatch()
    answers = deeplode(one, seed)
    wall, cpu = watch.lap()
    found = {
        f"deeplode {name}": (accuracy(shares, one.y_test), wall, cpu)
        for name, shares in answers.items()
    }
    for peer in peers:
        for name, ask in PEERS[peer][1].items():
            watch.lap()
            shares = ask(one, seed)
            found[name] = (accuracy(shares, one.y_test), *watch.lap())
    return found


def accuracy(shares: NDArray[np.float64], truth: Labels) -> float:
    """Share of rows whose most probable class is the true one."""
    return float((shares.argmax(1) == truth).mean())


def compare(names: list[str], seeds: int, peers: list[str]) -> None:
    """The tables of all sets: accuracy, mean of the seeds; median wall (CPU) seconds."""
    others = [column for peer in peers for column in PEERS[peer][1]]
    columns = [*(f"deeplode {name}" for name in OWN), *others]
    quality, cost = [], []
    for name in names:
        runs = [measured(task(SETS[name], seed), seed, peers) for seed in range(seeds)]
        mean = {c: fmean(run[c][0] for run in runs) for c in columns if c in runs[0]}
        best = max(mean.values())
        shown = {c: f"**{v:.4f}**" if v == best else f"{v:.4f}" for c, v in mean.items()}
        quality.append([name, *(shown.get(column, "") for column in columns)])
        spent = [
            (median(run[c][1] for run in runs), median(run[c][2] for run in runs))
            for c in ("deeplode blend", *others)
        ]
        cost.append([name, *(f"{wall:.1f} ({cpu:.1f})" for wall, cpu in spent)])
        print(f"{name} is done", file=sys.stderr)
    print(markdown(["accuracy", *columns], quality) + "\n")
    print(markdown(["wall (CPU) seconds", "deeplode, all four", *others], cost))


def together(seeds: int) -> None:
    """AUC of a review alone, of its row alone, and of both; distance to both, 95 %."""
    from sklearn.metrics import roc_auc_score

    from deeplode import Classifier

    known = SETS["clothing"]
    others = ["Age", "Positive Feedback Count", "Division Name", "Department Name", "Class Name"]
    parts = {"text": list(known.texts), "table": others, "both": [*known.texts, *others]}
    lines = []
    for seed in range(seeds):
        one = task(known, seed)
        score = {}
        for name, columns in parts.items():
            model = Classifier(seed=seed, threads=THREADS)
            model.fit(one.train.select(columns), one.y_train)
            score[name] = np.asarray(model.predict_proba(one.test.select(columns)))[:, 1]
        line = [str(seed), f"{roc_auc_score(one.y_test, score['both']):.4f}"]
        chance = np.random.default_rng(seed)
        for name in ("text", "table"):
            gains = []
            for _ in range(RESAMPLES):
                rows = chance.integers(0, len(one.y_test), len(one.y_test))
                both, alone = (
                    roc_auc_score(one.y_test[rows], score[part][rows]) for part in ("both", name)
                )
                gains.append(both - alone)
            low, high = np.quantile(gains, (0.025, 0.975))
            own = roc_auc_score(one.y_test, score[name])
            line.append(f"{own:.4f} (+{low:.4f} … +{high:.4f})")
        lines.append(line)
    print(markdown(["seed", "both", "text alone (both more)", "table alone (both more)"], lines))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(SETS))
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--together", action="store_true")
    given = parser.parse_args()
    print(header() + "\n")
    if given.together:
        together(given.seeds)
        return
    peers = []
    for name in filter(None, given.peers.split(",")):
        if importlib.util.find_spec(PEERS[name][0]) is None:
            print(f"{name} is not installed: left out", file=sys.stderr)
        else:
            peers.append(name)
    compare(given.only.split(","), given.seeds, peers)


if __name__ == "__main__":
    main()
