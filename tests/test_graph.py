"""Rows that are linked: learned from, kept, and answered for new nodes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from deeplode import Classifier, load, modelfile
from deeplode.data.read import read
from deeplode.detectoptions import EvaluateOptions, PredictOptions
from deeplode.errors import DataError, OptionError
from deeplode.options import TrainOptions
from deeplode.report.page import render
from deeplode.tasks.model import Model
from deeplode.verbs import evaluate, opened, predict, train

PROBABILITIES = ["probability_a", "probability_b"]


def made(seed: int = 0, nodes: int = 240, degree: int = 3) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two groups whose nodes link among themselves four times in five; a weak and a useless column
    beside."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, nodes)
    source = np.repeat(np.arange(nodes), degree)
    own = rng.random(len(source)) < 0.8
    members = [np.flatnonzero(group == one) for one in (0, 1)]
    target = np.array([
        rng.choice(members[int(group[node]) if stays else 1 - int(group[node])])
        for node, stays in zip(source, own, strict=True)
    ])  # fmt: skip
    frame = pl.DataFrame({
        "name": [f"n{node}" for node in range(nodes)],
        "x": group + rng.normal(0, 1, nodes),
        "z": rng.normal(size=nodes),
        "y": [("a", "b")[one] for one in group],
        "v": 10 + 4 * group + rng.normal(0, 0.5, nodes),
    })  # fmt: skip
    names = np.array(frame["name"].to_list())
    kept = source != target
    return frame, pl.DataFrame({"source": names[source[kept]], "target": names[target[kept]]})


def write(folder: Path, **frames: pl.DataFrame) -> dict[str, str]:
    for name, frame in frames.items():
        frame.write_csv(folder / f"{name}.csv")
    return {name: str(folder / f"{name}.csv") for name in frames}


def fast(**more: Any) -> TrainOptions:
    return TrainOptions(
        **{
            "target": "y",
            "id": "name",
            "drop": ("v",),
            "epochs": 2,
            "members": 2,
            "threads": 1,
            **more,
        }
    )


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A model of two groups, its run and its files."""
    folder = tmp_path_factory.mktemp("graph")
    nodes, edges = made()
    files = write(folder, nodes=nodes, edges=edges)
    run = train(files["nodes"], fast(edges=files["edges"], out=str(folder / "run")))
    return run, files, folder


def test_links_alone_columns_alone_and_both_stand_on_the_leaderboard_and_both_win(learned):
    run, _, _ = learned
    board = {row["name"]: row["metrics"]["roc_auc"]["value"] for row in run.facts["leaderboard"]}
    assert {"linear", "trees", "net", "label_propagation", "graph_net", "blend"} <= board.keys()
    assert board["graph_net"] > board["linear"] + 0.02
    assert run.facts["network"]["nodes"] == 240
    (told,) = run.facts["homophily"]
    assert told["column"] == "y"
    assert told["low"] < 0.6 < told["high"]  # four in five links within, one in two by chance
    assert told["same"] > told["expected"]
    assert (run.folder / "report.html").read_text("utf-8").count("Graph net") > 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_draws_the_network_in_the_colours_of_classes(learned, language):
    run, _, _ = learned
    drawing = run.facts["drawing"]
    assert len(drawing["x"]) == 240
    assert {one["name"] for one in drawing["classes"]} == {"a", "b"}
    nodes, _ = made()
    tested = pl.read_parquet(run.folder / "predictions.parquet")
    said = dict(zip(nodes["name"], nodes["y"], strict=True))
    said |= dict(zip(tested["id"], tested["prediction"], strict=True))
    names = [drawing["classes"][one - 1]["name"] for one in drawing["cluster"]]
    assert names == [said[name] for name in nodes["name"]]
    page = render(run.facts, language)
    assert page.count("<circle class=") == 240
    assert '<section id="homophily"' in page
    assert "--edges links.csv" in page
    assert "None" not in page


def test_the_model_file_answers_the_test_rows_as_the_run_did(learned):
    run, files, _ = learned
    told = predict(str(run.folder), files["nodes"], PredictOptions(edges=files["edges"]))
    kept = pl.read_parquet(run.folder / "predictions.parquet")
    both = kept.join(told, on="id")
    assert len(both) == len(kept)
    for name in PROBABILITIES:
        np.testing.assert_array_equal(both[name], both[f"{name}_right"])


def test_new_nodes_hear_nodes_of_training_by_their_names(learned):
    run, _, folder = learned
    nodes, _ = made()
    for group in ("a", "b"):
        known = nodes.filter(y=group)["name"][:8].to_list()
        new = pl.DataFrame({"name": ["new"], "x": [0.5], "z": [0.0]})
        ends = pl.DataFrame({"source": ["new"] * 8, "target": known})
        files = write(folder, new=new, ends=ends)
        told = predict(str(run.folder), files["new"], PredictOptions(edges=files["ends"]))
        assert told["prediction"].to_list() == [group]
        assert told[f"probability_{group}"][0] > 0.8


def test_new_nodes_hear_each_other(learned):
    run, _, folder = learned
    new = pl.DataFrame({"name": ["p", "q", "r"], "x": [0.5, 4.0, 4.0], "z": [0.0, 0.0, 0.0]})
    ends = pl.DataFrame({"source": ["p", "p"], "target": ["q", "r"]})
    files = write(folder, new=new, ends=ends)
    linked = predict(str(run.folder), files["new"], PredictOptions(edges=files["ends"]))
    alone = predict(str(run.folder), files["new"], PredictOptions())
    assert linked["probability_b"][0] > alone["probability_b"][0] + 0.05


def test_links_to_nodes_that_nobody_knows_are_refused_or_left_out(learned):
    run, _, folder = learned
    new = pl.DataFrame({"name": ["p", "q"], "x": [0.5, 4.0], "z": [0.0, 0.0]})
    ends = pl.DataFrame({"source": ["p", "p"], "target": ["q", "nobody"]})
    files = write(folder, new=new, ends=ends)
    with pytest.raises(DataError, match="nobody"):
        predict(str(run.folder), files["new"], PredictOptions(edges=files["ends"]))
    told = predict(str(run.folder), files["new"], PredictOptions(edges=files["ends"], max_bad=0.5))
    assert len(told) == 2


def test_the_order_of_rows_and_of_links_changes_no_answer(learned):
    run, files, folder = learned
    nodes, edges = made()
    rng = np.random.default_rng(1)
    other = write(
        folder, mixed=nodes[rng.permutation(240)], ends=edges[rng.permutation(len(edges))]
    )
    one = predict(str(run.folder), files["nodes"], PredictOptions(edges=files["edges"]))
    two = predict(str(run.folder), other["mixed"], PredictOptions(edges=other["ends"]))
    both = one.join(two, on="id")
    for name in PROBABILITIES:
        np.testing.assert_allclose(both[name], both[f"{name}_right"], atol=1e-5)


def test_evaluate_scores_every_candidate_on_linked_rows(learned):
    run, files, _ = learned
    facts = evaluate(str(run.folder), files["nodes"], EvaluateOptions(edges=files["edges"]))
    board = {row["name"]: row["metrics"]["roc_auc"]["value"] for row in facts["leaderboard"]}
    assert board["graph_net"] > 0.9


def test_the_model_file_holds_no_name_of_a_node_and_no_link(learned):
    run, _, _ = learned
    data = (run.folder / "model.lode").read_bytes()
    held = [node for node in range(20, 240) if f'"n{node}"'.encode() in data]
    assert not held
    model = opened(run.folder).model
    assert model.nodes.keys.dtype == np.uint64


def test_same_seed_same_bits(learned, tmp_path):
    run, files, _ = learned
    again = train(files["nodes"], fast(edges=files["edges"], out=str(tmp_path / "again")))
    one, two = (pl.read_parquet(own.folder / "predictions.parquet") for own in (run, again))
    assert one.equals(two)


def test_labels_of_test_rows_never_reach_training(learned, tmp_path):
    run, files, _ = learned
    nodes, _ = made()
    tested = pl.read_parquet(run.folder / "predictions.parquet")["id"]
    marks = pl.col("name").is_in(tested.implode())
    split = pl.when(marks).then(pl.lit("test")).otherwise(pl.lit("train")).alias("split")
    other = pl.when(pl.col("y") == "a").then(pl.lit("b")).otherwise(pl.lit("a"))
    flipped = nodes.with_columns(y=pl.when(marks).then(other).otherwise(pl.col("y")))
    for name, frame in (
        ("right", nodes),
        ("wrong", flipped),
    ):
        path = write(tmp_path, **{name: frame.with_columns(split)})[name]
        train(
            path,
            fast(edges=files["edges"], split_column="split", out=str(tmp_path / f"run-{name}")),
        )
    one, two = (
        pl.read_parquet(tmp_path / f"run-{name}" / "predictions.parquet").select(PROBABILITIES)
        for name in ("right", "wrong")
    )
    assert one.equals(two)


def test_marked_rows_validate_and_never_train_and_other_marks_are_unlabelled(tmp_path):
    nodes, edges = made()
    marks = ["train"] * 40 + ["val"] * 60 + ["test"] * 60 + ["none"] * 80
    files = write(tmp_path, nodes=nodes.with_columns(split=pl.Series(marks)), edges=edges)
    run = train(
        files["nodes"], fast(edges=files["edges"], split_column="split", out=str(tmp_path / "run"))
    )
    split = run.facts["split"]
    assert (split["train"], split["valid"], split["test"]) == (40, 60, 60)
    wrong = nodes.with_columns(
        y=pl.Series(nodes["y"].to_list()[:160] + ["b"] * 80), split=pl.Series(marks)
    )
    again = train(
        write(tmp_path, wrong=wrong)["wrong"],
        fast(edges=files["edges"], split_column="split", out=str(tmp_path / "again")),
    )
    one, two = (pl.read_parquet(own.folder / "predictions.parquet") for own in (run, again))
    assert one.equals(two)


def test_values_are_learned_from_links_too(tmp_path):
    files = write(tmp_path, **dict(zip(("nodes", "edges"), made(), strict=True)))
    options = fast(target="v", drop=("y",), edges=files["edges"], out=str(tmp_path / "run"))
    run = train(files["nodes"], options)
    board = {row["name"]: row["metrics"]["rmse"]["value"] for row in run.facts["leaderboard"]}
    assert board["graph_net"] < board["linear"]
    assert board["label_propagation"] < board["trivial"]
    assert len(run.facts["drawing"]["classes"]) == 5  # fifths of the values
    assert set(run.facts["drawing"]["cluster"]) == {1, 2, 3, 4, 5}
    assert "same" not in run.facts["homophily"][0]
    assert '<section id="homophily"' in render(run.facts, "en")
    told = predict(str(run.folder), files["nodes"], PredictOptions(edges=files["edges"]))
    assert np.isfinite(told["prediction"].to_numpy()).all()


def test_nodes_without_any_column_are_learned_from_their_links(tmp_path):
    nodes, edges = made(degree=8)
    files = write(tmp_path, nodes=nodes.select("name", "y"), edges=edges)
    run = train(files["nodes"], fast(drop=(), edges=files["edges"], out=str(tmp_path / "run")))
    names = [row["name"] for row in run.facts["leaderboard"]]
    assert "label_propagation" in names
    assert "trees" not in names
    assert run.facts["metrics"]["roc_auc"]["value"] > 0.9
    told = predict(str(run.folder), files["nodes"], PredictOptions(edges=files["edges"]))
    kept = pl.read_parquet(run.folder / "predictions.parquet").join(told, on="id")
    np.testing.assert_array_equal(kept["probability_a"], kept["probability_a_right"])


def test_rows_to_test_on_may_come_in_a_file_of_their_own(tmp_path):
    nodes, edges = made()
    files = write(tmp_path, nodes=nodes[:180], new=nodes[180:], edges=edges)
    options = fast(edges=files["edges"], test=files["new"], out=str(tmp_path / "run"))
    run = train(files["nodes"], options)
    assert run.facts["split"]["test"] == 60
    with pytest.raises(OptionError) as error:
        train(
            files["nodes"],
            fast(edges=files["edges"], test=files["new"], id=None, out=str(tmp_path / "no")),
        )
    assert error.value.code == "E-OPT-190"


def test_a_model_without_links_refuses_them(tmp_path):
    nodes, edges = made()
    files = write(tmp_path, nodes=nodes, edges=edges)
    run = train(files["nodes"], fast(out=str(tmp_path / "run")))
    with pytest.raises(OptionError) as error:
        predict(str(run.folder), files["nodes"], PredictOptions(edges=files["edges"]))
    assert error.value.code == "E-OPT-191"


def test_a_result_is_plain_json_and_names_the_odd_links(tmp_path):
    nodes, edges = made()
    more = pl.concat([edges, pl.DataFrame({"source": ["n1", "n2"], "target": ["n1", "nobody"]})])
    files = write(tmp_path, nodes=nodes, edges=more)
    run = train(files["nodes"], fast(edges=files["edges"], out=str(tmp_path / "run")))
    facts = json.loads((run.folder / "result.json").read_text("utf-8"))
    codes = {one["code"] for one in facts["warnings"]}
    assert {"W-GRAPH-001", "W-GRAPH-002"} <= codes
    assert read(files["edges"]).names == ["source", "target"]


@pytest.mark.parametrize("form", ["frame", "path"])
def test_estimators_take_links_as_a_frame_or_a_file(tmp_path, form):
    nodes, edges = made()
    ends = edges if form == "frame" else write(tmp_path, edges=edges)["edges"]
    frame = nodes.select("name", "x", "z")
    model = Classifier(edges=ends, id="name", members=1, epochs=1, threads=1).fit(frame, nodes["y"])
    alone, linked = model.predict_proba(frame), model.predict_proba(frame, edges=edges)
    assert not np.allclose(alone["a"], linked["a"])
    assert (model.predict(frame, edges=edges) == nodes["y"]).mean() > 0.9
    model.save(tmp_path / "model.lode")
    again = load(tmp_path / "model.lode")
    assert again.predict_proba(frame, edges=edges).equals(linked)


ODD = {
    "keys of another type": ("nodes.keys", lambda own: own.astype(np.int64)),
    "fewer keys": ("nodes.keys", lambda own: own[1:]),
    "sums below 0": ("nodes.sums", lambda own: own - 100),
    "fewer states": ("graph_net.state", lambda own: own[1:]),
    "narrower states": ("graph_net.state", lambda own: own[:, 1:]),
    "other weights": ("graph_net.first", lambda own: own[1:]),
    "weights of another type": ("graph_net.last", lambda own: own.astype(np.float64)),
    "a class that is not there": ("label_propagation.truth", lambda own: own + 5),
    "fewer labels": ("label_propagation.state", lambda own: own[1:]),
}


@pytest.mark.parametrize("what", ODD)
def test_a_model_file_whose_parts_do_not_fit_is_refused(learned, what):
    run, _, _ = learned
    parts = modelfile.read(run.folder / "model.lode")
    name, change = ODD[what]
    arrays = {**parts.arrays, name: change(parts.arrays[name])}
    with pytest.raises((ValueError, TypeError, KeyError)):
        Model.restore(parts.schema, arrays)


@pytest.mark.parametrize(
    ("where", "key", "value"),
    [
        (("nodes",), "print", "7"),
        (("candidates", "graph_net", "shape"), "hidden", 10**6),
        (("candidates", "graph_net"), "widths", [0]),
        (("candidates", "label_propagation"), "restart", 2.0),
        ((), "deep", "none"),
    ],
)
def test_a_model_file_whose_facts_cannot_be_is_refused(learned, where, key, value):
    run, _, _ = learned
    parts = modelfile.read(run.folder / "model.lode")
    facts = json.loads(json.dumps(parts.schema))
    inner = facts
    for one in where:
        inner = inner[one]
    inner[key] = value
    with pytest.raises((ValueError, TypeError, KeyError)):
        Model.restore(facts, parts.arrays)


def test_an_estimator_that_was_given_a_frame_of_links_can_be_shown():
    _, edges = made()
    assert "edges" in Classifier(edges=edges)._repr_html_()
