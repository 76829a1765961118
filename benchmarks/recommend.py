"""How good are the ways of recommending beside implicit's, and at what cost?

    python benchmarks/recommend.py [--only random,time,last,gowalla,speed] [--ways ease,recvae]
        [--seed 0] [--threads 2]

Every way sees the training part alone, chooses among its settings on the validation part by
NDCG@10, and is scored once on the test part; nets choose their epochs there too. All items are
ranked, those of the training part (and of the validation part, when the test part is scored) left
out. Peers choose among the grids below in the same way.

random: ml-100k as RecBole has it: ratings of 3 and more, random 8 : 1 : 1 of each user. time: the
same by one moment for all. last: each user's last item is the test, the last but one validation;
SASRec and GRU4Rec of ``sequential.py`` stand beside.
gowalla: LightGCN's split; Recall@20 and NDCG@20; a random fifth of each user's training part is
validation, and the model of the chosen setting is fitted again on the whole training part.
But for the random split, histories hold the validation part when the test part is scored; the
vectors that implicit's models have of users do not.
speed: made interactions of the size of ml-1m; seconds to fit, to score 100 000 users, and one.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sequential
from numpy.typing import NDArray

from deeplode.evaluate import ranking
from deeplode.recommenders.histories import Histories
from deeplode.recommenders.scorer import Grounds, Scorer, Setting
from deeplode.recommenders.ways import WAYS
from deeplode.runtime import configured

DATA = Path(os.environ.get("DEEPLODE_DATA", "../shared/data")) / "recsys"
BLOCK = 512  # users who are scored at once
ONE = 200  # single users whose scoring is timed
Ints = NDArray[np.int64]
Scores = Callable[
    [Histories, Ints], NDArray[np.float32]
]  # histories, which users -> (users, items)


@dataclass(frozen=True)
class Task:
    """Parts of interactions. k: places of the list. order: whether histories are in order of time.
    recent: whether the validation part belongs to the histories that the test part is scored with.
    features: what is known of items."""

    train: Histories
    valid: Histories
    test: Histories
    k: int
    order: bool
    recent: bool
    features: NDArray[np.float32] | None = None


def movielens(how: str, seed: int) -> Task:
    """ml-100k, ratings of 3 and more."""
    rows = pd.read_parquet(DATA / "ml100k_ratings.parquet")
    rows = rows[rows.rating >= 3].sort_values(["timestamp", "user", "item"], kind="stable")
    user, item = (
        rows[name].astype("category").cat.codes.to_numpy(np.int64) for name in ("user", "item")
    )
    part = np.zeros(len(rows), np.int64)
    if how == "time":
        part[int(0.8 * len(rows)) :], part[int(0.9 * len(rows)) :] = 1, 2
    else:
        key = (
            np.random.default_rng(seed).random(len(rows))
            if how == "random"
            else np.arange(len(rows))
        )
        ranked = pd.Series(key).groupby(user).rank(ascending=False, method="first").to_numpy()
        count = np.bincount(user)[user]
        each = np.maximum(count // 10, 1) if how == "random" else 1
        part[ranked <= 2 * each], part[ranked <= each] = 1, 2
    about = pd.read_parquet(DATA / "ml100k_items.parquet").set_index("item")
    about = about.loc[np.sort(rows.item.unique())]
    genres = about.genres.str.get_dummies("|").to_numpy(np.float32)
    year = about.title.str.extract(r"\((\d{4})\)")[0].astype(float).fillna(1990).to_numpy()
    known = np.column_stack([genres, (year - year.mean()) / year.std()]).astype(np.float32)
    train, valid, test = (_part(user, item, part == number) for number in range(3))
    return Task(train, valid, test, 10, True, how != "random", known)


def gowalla(seed: int) -> Task:
    """The training part with a fifth of each user's held out, and the test part."""
    rows = pd.read_parquet(DATA / "gowalla.parquet")
    user, item = rows.user.to_numpy(np.int64), rows.item.to_numpy(np.int64)
    test = (rows.split == "test").to_numpy()
    key = np.where(test, 2.0, np.random.default_rng(seed).random(len(rows)))
    ranked = pd.Series(key).groupby(user).rank(method="first").to_numpy()
    held = ranked <= np.round(0.2 * np.bincount(user[~test], minlength=user.max() + 1)[user])
    train, valid, last = (_part(user, item, one) for one in (~test & ~held, held, test))
    return Task(train, valid, last, 20, False, True)


def _part(user: Ints, item: Ints, rows: NDArray[np.bool_]) -> Histories:
    return Histories.of(int(user.max()) + 1, int(item.max()) + 1, user[rows], item[rows])


def together(a: Histories, b: Histories) -> Histories:
    """Both histories of each user, one after the other."""
    user, item = np.concatenate([a.user, b.user]), np.concatenate([a.item, b.item])
    return Histories.of(len(a), a.items, user, item)


def judged(
    scores: Scores, given: Histories, seen: Histories, wanted: Histories, k: int
) -> dict[str, NDArray[np.float64]]:
    """Each metric of each user who wanted something new."""
    fresh = wanted.matrix - wanted.matrix.multiply(seen.matrix)
    fresh.eliminate_zeros()
    who = np.flatnonzero((np.diff(fresh.indptr) > 0) & (given.length > 0))
    found = []
    for first in range(0, len(who), BLOCK):
        users = who[first : first + BLOCK]
        table = np.array(scores(given.rows(users), users))
        out = seen.rows(users)
        table[out.user, out.item] = -np.inf
        own = fresh[users]
        start, item = own.indptr.astype(np.int64), own.indices.astype(np.int64)
        hit = ranking.hits(ranking.top(table, k), start, item)
        found.append(ranking.by_user(hit, np.diff(start), k))
    return {name: np.concatenate([one[name] for one in found]) for name in found[0]}


def ours(name: str, task: Task, seed: int, threads: int) -> tuple[Any, Scores, float]:
    """The best setting of a way, its scores, and seconds of that fit."""
    way, known = WAYS[name], task.features

    def judge(scorer: Scorer) -> float:
        own = judged(_of(scorer), task.train, task.train, task.valid, task.k)
        return float(own["ndcg"].mean())

    def tried(setting: Setting) -> tuple[float, Scorer, float]:
        began = time.monotonic()
        grounds = Grounds(seed, threads, item_features=known, judge=judge)
        scorer = way.fit(task.train, setting, grounds)
        seconds = time.monotonic() - began
        return judge(scorer), scorer, seconds

    _, scorer, seconds = max((tried(one) for one in way.settings), key=lambda one: one[0])
    if not task.order:  # the model of the published split
        grounds = Grounds(seed, threads, item_features=known)
        scorer = way.fit(together(task.train, task.valid), scorer.setting, grounds)
    return dict(scorer.setting), _of(scorer), seconds


def _of(scorer: Scorer) -> Scores:
    return lambda histories, _: scorer.scores(histories)


def peers(task: Task, seed: int, threads: int) -> Iterator[tuple[str, Any, Scores, float]]:
    """implicit's ALS and BPR, the best of each grid on the validation part."""
    try:
        from implicit.cpu.als import AlternatingLeastSquares
        from implicit.cpu.bpr import BayesianPersonalizedRanking
    except ImportError:
        print("implicit is not installed: left out")
        return
    common = {"num_threads": threads, "random_state": seed}
    als = [
        partial(AlternatingLeastSquares, factors, regularization=r, alpha=a, **common)
        for factors in (32, 64, 128)
        for r in (0.01, 1.0)
        for a in (1.0, 4.0)
    ]
    bpr = [
        partial(BayesianPersonalizedRanking, factors, learning_rate=rate, iterations=200, **common)
        for factors in (64, 128)
        for rate in (0.01, 0.05)
    ]
    for name, grid in (("implicit ALS", als), ("implicit BPR", bpr)):
        best: Any = (-np.inf, None, None, 0.0)
        for make in grid:
            began = time.monotonic()
            model = _learned(make, task.train)
            seconds = time.monotonic() - began
            own = judged(_products(model), task.train, task.train, task.valid, task.k)
            if own["ndcg"].mean() > best[0]:
                best = (own["ndcg"].mean(), make, model, seconds)
        _, make, model, seconds = best
        if not task.order:
            model = _learned(make, together(task.train, task.valid))
        asked = {key: value for key, value in make.keywords.items() if key not in common}
        yield name, {"factors": make.args[0], **asked}, _products(model), seconds


def in_order(task: Task, seed: int) -> Iterator[tuple[str, Any, Scores, float]]:
    """SASRec and GRU4Rec, each of the epoch that served validation users best."""

    def judge(scores: Scores) -> float:
        return float(judged(scores, task.train, task.train, task.valid, task.k)["mrr"].mean())

    for name in sequential.NETS:
        began = time.monotonic()
        scores, epochs = sequential.fitted(name, task.train, judge, seed)
        yield name, {"epochs": epochs}, scores, time.monotonic() - began


def _learned(make: Callable[[], Any], own: Histories) -> Any:
    from scipy.sparse import csr_matrix

    model = make()
    model.fit(csr_matrix(own.matrix), show_progress=False)
    return model


def _products(model: Any) -> Scores:
    return lambda _, users: model.user_factors[users] @ model.item_factors.T


def compared(task: Task, names: list[str], seed: int, threads: int, others: Iterator[Any]) -> None:
    """Print a table. others: peers."""
    seen = together(task.train, task.valid)
    given = seen if task.recent else task.train
    print("| way | NDCG | recall | MRR | hit | fit, s | setting |\n|---|---|---|---|---|---|---|")

    def line(name: str, setting: Any, scores: Scores, seconds: float) -> None:
        found = judged(scores, given, seen, task.test, task.k)
        ndcg = ranking.mean(found["ndcg"])
        cells = [f"{found[key].mean():.4f}" for key in ("recall", "mrr", "hit")]
        print(
            f"| {name} | {ndcg['value']:.4f} ({ndcg['low']:.4f} to {ndcg['high']:.4f}) | "
            f"{' | '.join(cells)} | {seconds:.1f} | {setting} |",
            flush=True,
        )

    for name in names:
        needs = WAYS[name].needs
        if (needs == "order" and not task.order) or (needs == "items" and task.features is None):
            continue
        line(name, *ours(name, task, seed, threads))
    for peer in others:
        line(*peer)


def made(users: int = 6_000, items: int = 3_100, seed: int = 0) -> Histories:
    """Interactions of the size of ml-1m: tastes of 16 dimensions and popularity."""
    chance = np.random.default_rng(seed)
    taste, kind = chance.normal(size=(users, 16)), chance.normal(size=(items, 16))
    active = np.exp(chance.normal(size=users))
    count = np.clip(active / active.sum() * 800_000, 20, items // 3).astype(np.int64)
    drawn = []
    for user in range(users):
        liked = 0.6 * kind @ taste[user] - np.log1p(np.arange(items) / 30)
        drawn.append(np.argsort(-liked - chance.gumbel(size=items))[: count[user]])
    return Histories.of(users, items, np.repeat(np.arange(users), count), np.concatenate(drawn))


def speed(names: list[str], threads: int) -> None:
    """Print what a fit, 100 000 users and one user cost."""
    own = made()
    known = np.random.default_rng(0).normal(size=(own.items, 20)).astype(np.float32)
    many = np.arange(len(own))[:2_000]
    print(f"{len(own.item)} interactions. Fits without a judge, nets for 3 epochs.\n")
    print(
        "| way | fit, s | top 10 of 100 000 users, s | one user, ms (median) |\n|---|---|---|---|"
    )
    for name in names:
        setting = dict(WAYS[name].settings[0])
        if "epochs" in setting:
            setting["epochs"] = 3
        began = time.monotonic()
        scorer = WAYS[name].fit(own, setting, Grounds(0, threads, item_features=known))
        fit = time.monotonic() - began
        scorer.scores(own.rows(many[:1]))
        began = time.monotonic()
        for first in range(0, len(many), BLOCK):
            ranking.top(scorer.scores(own.rows(many[first : first + BLOCK])), 10)
        batch = (time.monotonic() - began) * 100_000 / len(many)
        each = []
        for user in range(ONE):
            began = time.perf_counter()
            ranking.top(scorer.scores(own.rows(np.array([user]))), 10)
            each.append(time.perf_counter() - began)
        print(f"| {name} | {fit:.1f} | {batch:.0f} | {1000 * np.median(each):.2f} |", flush=True)


def main() -> None:
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="random,time,last,gowalla,speed")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    names = asked.ways.split(",")
    with configured(asked.threads, asked.seed):
        for one in asked.only.split(","):
            print(f"\n## {one}\n", flush=True)
            if one == "speed":
                speed(names, asked.threads)
            else:
                task = gowalla(asked.seed) if one == "gowalla" else movielens(one, asked.seed)
                others = peers(task, asked.seed, asked.threads)
                if one == "last":
                    others = chain(others, in_order(task, asked.seed))
                compared(task, names, asked.seed, asked.threads, others)


if __name__ == "__main__":
    main()
