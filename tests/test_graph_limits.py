"""Links keep the promises of every run: memory, and being killed and resumed."""

from __future__ import annotations

import json
import os
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from deeplode.clustering import run as cluster
from deeplode.clusteroptions import ClusterOptions
from deeplode.evaluate import labelpropagation
from deeplode.options import TrainOptions
from deeplode.runtime import Budget
from deeplode.training import train

Program = Callable[..., subprocess.CompletedProcess[str]]
Killed = Callable[..., None]
LEARNED = ("schema.json", "weights.safetensors")
QUICK = ("--members", "2", "--epochs", "2", "--threads", "1", "--quiet")


def graph(folder: Path, nodes: int, links: int) -> tuple[str, str]:
    """Two groups whose nodes link among themselves four times in five; two columns beside."""
    chance = np.random.default_rng(0)
    group = chance.integers(0, 2, nodes)
    source = chance.integers(0, nodes, links)
    want = np.where(chance.random(links) < 0.8, group[source], 1 - group[source])
    own = [np.flatnonzero(group == one) for one in (0, 1)]
    size = np.array([len(one) for one in own])
    place = (chance.random(links) * size[want]).astype(np.int64)
    target = np.where(want == 0, own[0][place % size[0]], own[1][place % size[1]])
    columns = {"x": group + chance.normal(size=nodes), "z": chance.normal(size=nodes)}
    frame = pl.DataFrame({**columns, "y": np.array(["a", "b"])[group]})
    frame.write_parquet(folder / "nodes.parquet")
    pl.DataFrame({"source": source, "target": target}).write_parquet(folder / "links.parquet")
    return str(folder / "nodes.parquet"), str(folder / "links.parquet")


def learned(run: Path) -> dict[str, bytes]:
    """What a run learned, to the last bit."""
    with zipfile.ZipFile(run / "model.lode") as archive:
        return {name: archive.read(name) for name in LEARNED}


@pytest.mark.parametrize(
    ("verb", "code"), [(("train", "--target", "y"), "E-LIMIT-001"), (("cluster",), "E-LIMIT-021")]
)
def test_links_that_do_not_fit_into_memory_end_the_run_before_it_begins(
    program: Program, tmp_path: Path, verb: tuple[str, ...], code: str
) -> None:
    nodes, links = graph(tmp_path, 5_000, 1_000_000)
    told = ("--edges", links, "--memory-limit", "1050MB", "--json", "--quiet")
    out = tmp_path / "run"
    done = program(verb[0], nodes, *verb[1:], *told, "--out", str(out))
    assert done.returncode == 5, done.stderr
    assert json.loads(done.stdout)["error"]["code"] == code
    assert not out.exists()


@pytest.mark.skipif(os.name != "posix", reason="processes are killed otherwise there")
@pytest.mark.parametrize("stage", ["label_propagation", "graph_net"])
def test_a_killed_training_among_links_is_resumed_to_the_same_bits(
    deeplode: Program, killed: Killed, tmp_path: Path, stage: str
) -> None:
    nodes, links = graph(tmp_path, 300, 1_200)
    told = ("train", nodes, "--target", "y", "--edges", links, *QUICK)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    done = deeplode(*told, "--out", str(whole))
    assert done.returncode == 0, done.stderr
    kept = cut / "checkpoint" / f"{stage}.safetensors"
    killed(*told, "--out", str(cut), once=kept.exists)
    assert not (cut / "model.lode").exists()
    done = deeplode(*told, "--out", str(cut), "--resume")
    assert done.returncode == 0, done.stderr
    assert learned(cut) == learned(whole)
    answers = [pl.read_parquet(one / "predictions.parquet") for one in (whole, cut)]
    assert answers[0].equals(answers[1])


@pytest.mark.skipif(os.name != "posix", reason="processes are killed otherwise there")
def test_a_killed_search_for_communities_is_resumed_to_the_same_bits(
    deeplode: Program, killed: Killed, tmp_path: Path
) -> None:
    nodes, links = graph(tmp_path, 300, 1_200)
    told = ("cluster", nodes, "--target", "y", "--edges", links, "--threads", "1", "--quiet")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    done = deeplode(*told, "--out", str(whole))
    assert done.returncode == 0, done.stderr
    begun = cut / "log.jsonl"
    killed(
        *told,
        "--out",
        str(cut),
        once=lambda: begun.exists() and "chance" in begun.read_text("utf-8"),
    )
    assert not (cut / "model.lode").exists()
    done = deeplode(*told, "--out", str(cut), "--resume")
    assert done.returncode == 0, done.stderr
    assert learned(cut) == learned(whole)
    answers = [pl.read_parquet(one / "predictions.parquet") for one in (whole, cut)]
    assert answers[0].equals(answers[1])


def test_a_run_that_was_cut_by_its_limit_is_repeated_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes, links = graph(tmp_path, 300, 1_200)
    options = TrainOptions(
        target="y", edges=links, members=2, epochs=2, threads=1, time_limit="60s",
        out=str(tmp_path / "first"),
    )  # fmt: skip
    monkeypatch.setattr(labelpropagation, "SHARE", 1e-9)  # as if hardly any time was left
    first = train(nodes, options, budget=Budget.begin(60.0, None))
    monkeypatch.undo()
    steps = first.facts["replay"]["label_propagation"]
    assert steps["steps"] == labelpropagation.FEWEST
    told = TrainOptions(replay=str(first.folder), out=str(tmp_path / "again"))
    again = train(nodes, told, budget=Budget())
    assert learned(again.folder) == learned(first.folder)


@pytest.mark.alone
@pytest.mark.parametrize("verb", ["train", "cluster"])
def test_the_time_limit_holds_among_links(tmp_path: Path, verb: str) -> None:
    nodes, links = graph(tmp_path, 20_000, 200_000)
    told = {"target": "y", "edges": links, "threads": 1, "time_limit": "10s"}
    out, budget = str(tmp_path / "run"), Budget.begin(10.0, None)
    began = time.monotonic()
    if verb == "train":
        train(nodes, TrainOptions(**told, out=out), budget=budget)
    else:
        cluster(nodes, ClusterOptions(**told, out=out), budget=budget)
    assert time.monotonic() - began < 12.0
