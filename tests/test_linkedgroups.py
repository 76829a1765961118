"""Communities of linked rows: the whole run, its folder, its model, and new nodes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from deeplode import Clusterer, load
from deeplode.clusteroptions import ClusterOptions
from deeplode.communities.assign import MOST
from deeplode.data.table import Table
from deeplode.detectoptions import EvaluateOptions, PredictOptions
from deeplode.errors import DataError, OptionError
from deeplode.report.page import render
from deeplode.verbs import cluster, evaluate, predict

SIZE = 66
TRUTH = np.repeat([0, 1, 2], (26, 22, 18))


def nodes() -> pl.DataFrame:
    rng = np.random.default_rng(1)
    about = rng.normal(size=(3, 3))[TRUTH] + 0.5 * rng.normal(size=(SIZE, 3))
    columns = {f"x{at}": own for at, own in enumerate(about.T)}
    said = np.array(["music and song", "votes and law", "ships and sea"])[TRUTH]
    texts = [f"{one}, {rng.integers(900)} of {rng.integers(900)}" for one in said]
    names = [f"n{at:02}" for at in range(SIZE)]
    truth = [f"t{one}" for one in TRUTH]
    return pl.DataFrame({"who": names, **columns, "about": texts, "truth": truth})


def links() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    low, high = np.triu_indices(SIZE, 1)
    drawn = rng.random(len(low)) < np.where(TRUTH[low] == TRUTH[high], 0.4, 0.03)
    names = nodes()["who"].to_numpy()
    return pl.DataFrame({"source": names[low[drawn]], "target": names[high[drawn]]})


def told(folder: Path, edges: pl.DataFrame | None = None, **more: object) -> ClusterOptions:
    (links() if edges is None else edges).write_csv(folder / "links.csv")
    nodes().write_csv(folder / "nodes.csv")
    given = {"edges": str(folder / "links.csv"), "id": "who", "target": "truth", "threads": 1}
    given |= {"kinds": {"about": "text"}, "out": str(folder / "run"), "force": True}
    return ClusterOptions(**{**given, **more})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("communities")
    cluster(str(folder / "nodes.csv"), told(folder))
    return folder / "run"


def facts_of(run: Path) -> dict[str, object]:
    return json.loads((run / "result.json").read_text("utf-8"))


def test_the_folder_holds_communities_facts_model_and_page(run: Path) -> None:
    facts, answers = facts_of(run), pl.read_parquet(run / "predictions.parquet")
    assert answers.columns == ["id", "cluster", "probability", "flags"]
    assert answers["cluster"].to_list() == (TRUTH + 1).tolist()
    assert facts["metrics"]["nmi"]["value"] == 1
    assert facts["metrics"]["modularity"]["value"] > 0.4
    assert facts["verdict"]["signal"] is True
    assert facts["leaderboard"][0]["name"] == "links"
    assert {"acc", "nmi", "ari", "modularity"} <= facts["leaderboard"][0]["metrics"].keys()
    assert [one["column"] for one in facts["homophily"]] == ["truth"]
    assert not (run / "checkpoint").exists()


def test_the_model_file_holds_no_id(run: Path) -> None:
    kept = (run / "model.lode").read_bytes()
    assert not any(name.encode() in kept for name in nodes()["who"] if name != "n00")


def test_communities_have_words_and_columns_with_intervals(run: Path) -> None:
    for one, word in zip(facts_of(run)["communities"], ("music", "votes", "ships"), strict=True):
        words = {own["text"]: own for own in one["apart"] if "weight" in own}
        assert 0 < words[word]["low"] < words[word]["weight"] < words[word]["high"]
        columns = [own for own in one["apart"] if "effect" in own]
        assert all(own["low"] <= own["effect"] <= own["high"] for own in columns)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_tells_it_in_both_languages(run: Path, language: str) -> None:
    page = render(facts_of(run), language)
    for anchor in ("network", "communities", "central", "homophily", "candidates"):
        assert f'<section id="{anchor}"' in page
    assert "music" in page
    assert "None" not in page


def test_same_seed_same_bits_and_the_order_of_rows_and_links_changes_nothing(
    run: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(5)
    rows, lines = rng.permutation(SIZE), rng.permutation(len(links()))
    options = told(tmp_path, links()[lines])
    nodes()[rows].write_csv(tmp_path / "nodes.csv")
    cluster(str(tmp_path / "nodes.csv"), options)
    answers = pl.read_parquet(tmp_path / "run" / "predictions.parquet")
    assert answers.sort("id").equals(pl.read_parquet(run / "predictions.parquet").sort("id"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_types_and_months_of_links_are_told(tmp_path: Path, language: str) -> None:
    place = {name: at for at, name in enumerate(nodes()["who"])}
    ends = links()
    own = [
        TRUTH[place[a]] == TRUTH[place[b]]
        for a, b in zip(ends["source"], ends["target"], strict=True)
    ]
    ends = ends.with_columns(
        type=pl.Series(["<friend>" if one else "foe" for one in own]),
        time=pl.Series([f"2026-0{1 + at % 2}-11" for at in range(len(ends))]),
    )
    facts = cluster(str(tmp_path / "nodes.csv"), told(tmp_path, ends)).facts
    friend, foe = facts["link_types"]
    assert (friend["type"], foe["type"]) == ("<friend>", "foe")
    assert friend["share"] + foe["share"] == pytest.approx(1)
    assert friend["homophily"]["same"] == 1
    assert foe["homophily"]["high"] < 0
    assert facts["link_periods"]["names"] == ["2026-01", "2026-02"]
    assert sum(map(sum, facts["link_periods"]["counts"])) == len(ends)
    assert "W-GRAPH-006" not in {one["code"] for one in facts["warnings"]}
    page = render(facts, language)
    assert '<section id="links"' in page
    assert "&lt;friend&gt;" in page


def test_a_time_of_a_link_that_is_none_is_left_out_and_named_with_its_row(tmp_path: Path) -> None:
    rows = len(links())
    days = [f"2026-0{1 + at % 2}-{at % 28 + 1:02}" for at in range(rows)]
    ends = links().with_columns(time=pl.Series([None, *days[1:-1], "soon"]))
    facts = cluster(str(tmp_path / "nodes.csv"), told(tmp_path, ends)).facts
    (odd,) = [one for one in facts["warnings"] if one["code"] == "W-GRAPH-009"]
    assert f"row {rows - 1}" in odd["message"]
    assert "soon" in odd["message"]
    assert sum(facts["link_periods"]["rows"]) == rows - 2


def test_times_that_count_since_1970_are_told_by_month(tmp_path: Path) -> None:
    days = np.arange(len(links())) % 60
    for a_second in (1, 1000):
        seconds = (1_704_067_200 + 86_400 * days) * a_second
        done = cluster(str(tmp_path / "nodes.csv"), told(tmp_path, links().with_columns(
            pl.Series("time", seconds))))  # fmt: skip
        assert done.facts["link_periods"]["names"] == ["2024-01", "2024-02"]


def test_times_that_are_truths_are_left_out(tmp_path: Path) -> None:
    edges = links().with_columns(pl.Series("time", np.arange(len(links())) % 2 == 0))
    done = cluster(str(tmp_path / "nodes.csv"), told(tmp_path, edges))
    assert "W-GRAPH-009" in {one["code"] for one in done.facts["warnings"]}
    assert done.facts["link_periods"] is None


def test_only_the_column_that_is_named_names_rows_and_new_ones_are_named_as_they_were(
    tmp_path: Path,
) -> None:
    place = {name: at for at, name in enumerate(nodes()["who"])}
    ends = [pl.col(one).replace_strict(place) for one in ("source", "target")]
    numbered = links().with_columns(ends)
    done = cluster(str(tmp_path / "nodes.csv"), told(tmp_path, numbered, id=None))
    again, found = str(tmp_path / "links.csv"), pl.read_parquet(done.folder / "predictions.parquet")
    given = PredictOptions(edges=again)
    answers = predict(str(done.folder), str(tmp_path / "nodes.csv"), given)
    assert answers.select("id", "cluster").equals(found.select("id", "cluster"))
    assert found["id"].equals(nodes()["who"].alias("id"))
    with pytest.raises(DataError) as error:
        cluster(str(tmp_path / "nodes.csv"), told(tmp_path, id=None))
    assert error.value.code == "E-DATA-133"


def test_as_many_communities_as_asked_for(tmp_path: Path) -> None:
    options = told(tmp_path, clusters="5")
    facts = cluster(str(tmp_path / "nodes.csv"), options).facts
    assert len(facts["communities"]) == 5


def test_predict_places_new_nodes_and_known_ones(run: Path, tmp_path: Path) -> None:
    some = nodes()[[0, 30, 60]].with_columns(who=pl.Series(["n00", "new", "other"]))
    some.write_csv(tmp_path / "new.csv")
    ends = {"source": ["new", "new", "other"], "target": ["n31", "n32", "new"]}
    pl.DataFrame(ends).write_csv(tmp_path / "more.csv")
    told_of = PredictOptions(edges=str(tmp_path / "more.csv"))
    answers = predict(str(run), str(tmp_path / "new.csv"), told_of)
    assert answers["cluster"].to_list()[:2] == [1, 2]
    alone = predict(str(run), str(tmp_path / "new.csv"), PredictOptions())
    assert alone["cluster"].to_list() == [1, 2, 3]


def test_evaluate_scores_the_model_on_known_groups(run: Path) -> None:
    source = str(run.parent / "nodes.csv")
    edges = str(run.parent / "links.csv")
    facts = evaluate(str(run), source, EvaluateOptions(target="truth", edges=edges))
    assert facts["metrics"]["ari"]["value"] == 1


def test_whoever_names_no_groups_is_told_of_which_verb_the_model_is(tmp_path: Path) -> None:
    done = cluster(str(tmp_path / "nodes.csv"), told(tmp_path, target=None))
    with pytest.raises(OptionError) as error:
        evaluate(str(done.folder), str(tmp_path / "nodes.csv"), EvaluateOptions())
    assert error.value.code == "E-OPT-160"
    assert "model of cluster" in str(error.value)


def test_the_estimator_read_from_a_file_answers_as_the_program(run: Path) -> None:
    made = load(run)
    assert isinstance(made, Clusterer)
    assert made.predict(nodes(), edges=links()).to_list() == TRUTH.tolist()
    with pytest.raises(OptionError) as caught:
        made.transform(nodes())
    assert caught.value.code == "E-OPT-210"


def test_the_estimator_takes_links_as_a_frame_or_a_file(tmp_path: Path) -> None:
    links().write_csv(tmp_path / "links.csv")
    frame = nodes().drop("truth", "about")
    for edges in (links(), str(tmp_path / "links.csv")):
        made = Clusterer(edges=edges, id="who", threads=1).fit(frame)
        assert made.labels_.tolist() == TRUTH.tolist()
    made.save(tmp_path / "model.lode")
    read = load(tmp_path / "model.lode")
    assert (read.predict_proba(frame) == made.predict_proba(frame)).all()


def test_rows_are_numbered_where_no_column_names_them(tmp_path: Path) -> None:
    place = {name: at for at, name in enumerate(nodes()["who"])}
    edges = links().select(pl.all().replace_strict(place))
    options = told(tmp_path, edges, id=None, drop=("who",))
    cluster(str(tmp_path / "nodes.csv"), options)
    answers = pl.read_parquet(tmp_path / "run" / "predictions.parquet")
    assert answers["cluster"].to_list() == (TRUTH + 1).tolist()


def test_a_graph_of_ids_alone_is_parted_and_its_model_read(tmp_path: Path) -> None:
    options = told(tmp_path, target=None, kinds=None)
    nodes().select("who").write_csv(tmp_path / "nodes.csv")
    facts = cluster(str(tmp_path / "nodes.csv"), options).facts
    assert facts["answer"] == "links"
    known = predict(str(tmp_path / "run"), str(tmp_path / "nodes.csv"), PredictOptions())
    assert known["cluster"].to_list() == (TRUTH + 1).tolist()


@pytest.mark.parametrize(
    ("edges", "code"),
    [
        ({"source": ["n00"], "target": ["nobody"]}, "E-DATA-133"),
        ({"source": ["n00"], "target": ["n00"]}, "E-DATA-132"),
        ({"source": ["n00"], "to": ["n01"]}, "E-DATA-130"),
        ({"source": ["n00"], "target": ["n01"], "weight": [-1]}, "E-DATA-134"),
    ],
)
def test_links_that_cannot_be_used_are_refused_and_leave_nothing(
    tmp_path: Path, edges: dict[str, list[object]], code: str
) -> None:
    options = told(tmp_path, pl.DataFrame(edges), max_bad="0%")
    with pytest.raises(DataError) as caught:
        cluster(str(tmp_path / "nodes.csv"), options)
    assert caught.value.code == code
    assert not (tmp_path / "run").exists()


def test_more_communities_than_rows_are_refused(tmp_path: Path) -> None:
    options = told(tmp_path, clusters=str(SIZE + 1))
    with pytest.raises(DataError, match="67"):
        cluster(str(tmp_path / "nodes.csv"), options)


def test_a_star_and_isolated_nodes_have_an_answer_and_a_doubt(tmp_path: Path) -> None:
    star = pl.DataFrame({"source": ["n00"] * 9, "target": [f"n{at:02}" for at in range(1, 10)]})
    options = told(tmp_path, star, drop=("x0", "x1", "x2", "about"), kinds=None, target=None)
    facts = cluster(str(tmp_path / "nodes.csv"), options).facts
    assert facts["verdict"]["signal"] is False
    assert facts["communities"][0]["size"] == 10
    assert {one["code"] for one in facts["warnings"]} >= {"W-GRAPH-004"}


def test_a_short_time_limit_leaves_communities_and_a_page(tmp_path: Path) -> None:
    options = told(tmp_path, time_limit="8s")
    run = cluster(str(tmp_path / "nodes.csv"), options)
    assert run.facts["metrics"]["modularity"]["value"] > 0.3
    assert (tmp_path / "run" / "report.html").exists()


def test_links_go_with_no_timestamp() -> None:
    with pytest.raises(OptionError, match="timestamp"):
        ClusterOptions(edges="links.csv", timestamp="when")


def test_thousands_of_lone_nodes_are_as_many_communities(tmp_path: Path) -> None:
    count = 3_000
    people = pl.DataFrame({"who": [f"n{at}" for at in range(count)]})
    people.write_csv(tmp_path / "nodes.csv")
    pl.DataFrame({"source": ["n3"], "target": ["n7"]}).write_csv(tmp_path / "links.csv")
    options = ClusterOptions(
        edges=str(tmp_path / "links.csv"), id="who", threads=1, out=str(tmp_path / "run")
    )
    facts = cluster(str(tmp_path / "nodes.csv"), options).facts
    assert facts["network"]["communities"] == count - 1
    answers = pl.read_parquet(tmp_path / "run" / "predictions.parquet")
    assert answers["cluster"].n_unique() == count - 1
    model = load(tmp_path / "run").model_
    assert model.predict(Table.of(people)).outputs.shape == (count, MOST)  # not all of them
    new = PredictOptions(edges=str(tmp_path / "links.csv"))
    known = predict(str(tmp_path / "run"), str(tmp_path / "nodes.csv"), new)
    assert known["cluster"].equals(answers["cluster"])
