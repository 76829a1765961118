"""What design promises of ``detect`` on series, asked of the real program."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from deeplode import AnomalyDetector, load
from deeplode.data.schema import Roles, infer
from deeplode.data.table import Table
from deeplode.detectoptions import DetectOptions, EvaluateOptions
from deeplode.detectors import denoise, ranks
from deeplode.errors import DeeplodeError, LimitError, OptionError
from deeplode.report.page import render
from deeplode.runtime import Budget
from deeplode.seriesviews import views
from deeplode.tasks.detect import Settings
from deeplode.tasks.detectseries import Normal, detect_series
from deeplode.tasks.room import room_of_series
from deeplode.verbs import detect, evaluate, opened

Program = Callable[..., subprocess.CompletedProcess[str]]
CLEAN = 200
CHANNELS = ("pressure", "flow <b>", "heat")
START = datetime(2024, 5, 1)


def pumps(seed: int = 0) -> pl.DataFrame:
    """Three machines; the second loses pressure for a while, the third's flow dies."""
    chance, frames = np.random.default_rng(seed), []
    for machine in range(3):
        time = np.arange(500)
        pressure = 5 + machine + 0.1 * np.sin(time / 9) + 0.05 * chance.normal(size=500)
        flow = 30.0 + chance.normal(size=500)
        heat = 60 + 0.3 * chance.normal(size=500)
        odd = np.zeros(500, np.int64)
        if machine == 1:
            pressure[300:380] -= 2
            odd[300:380] = 1
        if machine == 2:
            flow[400:] = np.nan
            odd[400:] = 1
        when = pl.lit(START) + pl.duration(seconds=pl.Series(time))
        columns = {"pressure": pressure, "flow <b>": flow, "heat": heat, "odd": odd}
        name = pl.lit(f"pump {machine}").alias("machine")
        frames.append(pl.DataFrame(columns).select(name, when.alias("time"), pl.all()))
    return pl.concat(frames).with_columns(pl.col("flow <b>").fill_nan(None))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, deeplode: Program) -> Path:
    folder = tmp_path_factory.mktemp("series")
    pumps().drop("odd").sample(fraction=1.0, shuffle=True, seed=1).write_csv(folder / "pumps.csv")
    done = deeplode(
        "detect", str(folder / "pumps.csv"), "--timestamp", "time", "--group", "machine",
        "--clean-rows", str(CLEAN), "--out", str(folder / "run"), "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_events_are_found_where_they_are_with_the_channel_to_blame(run: Path) -> None:
    facts = json.loads((run / "result.json").read_text("utf-8"))
    assert facts["structure"] == "series"
    assert facts["series"]["count"] == 3
    assert [one["series"] for one in facts["events"]] == ["pump 1", "pump 2"]
    for one, channel, start, end in zip(
        facts["events"], ("pressure", "flow <b>"), (300, 400), (380, 499), strict=True
    ):
        for name, known in (("start", start), ("end", end)):
            when = datetime.fromisoformat(one[name])
            assert abs((when - START).total_seconds() - known) <= 20
        assert one["channels"][0]["channel"] == channel
    assert len(facts["change_points"]) == 4


def test_every_moment_has_its_answer_in_the_order_of_the_file(run: Path) -> None:
    made = pl.read_parquet(run / "predictions.parquet")
    assert made.columns == ["id", "score", "anomaly", "event", "reason", "flags"]
    source = pl.read_csv(run.parent / "pumps.csv", try_parse_dates=True)
    assert len(made) == len(source)
    truth = source.join(pumps(), on=["machine", "time"], how="left", maintain_order="left")["odd"]
    alike = (made["anomaly"].to_numpy() == truth.to_numpy()).mean()
    assert alike > 0.95
    assert (made["event"].is_not_null() == (made["anomaly"] == 1)).all()
    dead = made.filter(source["flow <b>"].is_null())["flags"]
    assert set(dead) == {"filled_in"}


def test_the_page_shows_channels_and_events_and_escapes_their_names(run: Path) -> None:
    page = (run / "report.html").read_text("utf-8")
    assert "<svg" in page
    assert "pump 1" in page
    assert "flow &lt;b&gt;" in page
    assert "flow <b>" not in page
    assert len(page) < 3_000_000


def test_the_model_file_alone_answers_for_new_moments_and_machines(run: Path, deeplode: Program):
    new = pumps().with_columns(pl.col("machine").str.replace("pump 1", "pump 9"))
    path = run.parent / "new.parquet"
    new.write_parquet(path)
    done = deeplode("predict", str(run / "model.lode"), str(path), "--out", str(run / "n.parquet"))
    assert done.returncode == 0, done.stderr
    made = pl.read_parquet(run / "n.parquet")
    assert (made["anomaly"].to_numpy() == new["odd"].to_numpy()).mean() > 0.95
    unknown = made.filter(new["machine"] == "pump 9")
    assert unknown["flags"].str.contains("new_series").all()
    assert unknown["anomaly"].sum() > 60
    facts = evaluate(str(run), str(path), EvaluateOptions(target="odd"))
    assert facts["metrics"]["roc_auc"]["low"] > 0.8
    assert facts["events"] == {"known": 2, "met": 2, "false": 0}


def test_predict_says_when_scores_have_moved_and_is_silent_where_they_have_not(
    run: Path, deeplode: Program, tmp_path: Path
) -> None:
    usual = pumps(seed=1).filter(pl.col("odd") == 0).drop("odd")
    moved = usual.with_columns(pl.col("heat") + 0.4)  # far from an alarm, and everywhere
    for name, frame, told in (("usual", usual, False), ("moved", moved, True)):
        frame.write_parquet(tmp_path / f"{name}.parquet")
        out = str(tmp_path / f"{name}.csv")
        done = deeplode("predict", str(run), str(tmp_path / f"{name}.parquet"), "--out", out)
        assert done.returncode == 0, done.stderr
        assert ("W-SERIES-086" in done.stderr) is told
    path = tmp_path / "known.parquet"
    moved.with_columns(pl.int_range(pl.len()).lt(50).alias("odd")).write_parquet(path)
    facts = evaluate(str(run), str(path), EvaluateOptions(target="odd"))
    assert facts["drift"]["drifted"]
    assert facts["warnings"][0]["code"] == "W-SERIES-086"


def test_scores_of_a_moment_do_not_depend_on_what_comes_later(run: Path) -> None:
    model = opened(run).model
    frame = pumps().filter(pl.col("machine") == "pump 1")
    whole = model.answered(Table.of(frame))["score"]
    part = model.answered(Table.of(frame.head(350)))["score"]
    assert np.allclose(whole.head(350), part, atol=1e-6)


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"clean_rows": 100}, "E-OPT-170"),
        ({"timestamp": "when"}, "E-DATA-045"),
        ({"timestamp": "time", "clean_until": "soon"}, "E-OPT-005"),
        ({"timestamp": "time", "clean_until": "2000-01-01"}, "E-DATA-111"),
        ({"timestamp": "time", "clean": True, "clean_rows": 9}, "E-OPT-006"),
        ({"timestamp": "time", "drop": ("pressure", "flow <b>", "heat")}, "E-DATA-040"),
        ({"timestamp": "time", "kinds": dict.fromkeys(CHANNELS, "category")}, "E-DATA-110"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_left_behind(
    tmp_path: Path, told: dict[str, object], code: str
) -> None:
    path, out = tmp_path / "pumps.csv", tmp_path / "run"
    pumps().drop("odd", "machine").head(200).write_csv(path)
    with pytest.raises(DeeplodeError) as error:
        detect(str(path), DetectOptions(out=str(out)).with_values(told))
    assert error.value.code == code
    assert not out.exists()


def test_an_option_that_lacks_the_time_is_named_as_it_is_typed() -> None:
    with pytest.raises(DeeplodeError, match="--clean-rows is"):
        DetectOptions(clean_rows=100)


def test_in_python_the_same_is_an_estimator_that_reads_its_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denoise, "STEPS", 20)  # it does not answer here
    monkeypatch.setattr(ranks, "QUICK", 10)
    frame = pumps().filter(pl.col("machine") != "pump 2").drop("odd")
    truth = pumps().filter(pl.col("machine") != "pump 2")["odd"].to_numpy()
    made = AnomalyDetector(timestamp="time", group="machine", clean_rows=CLEAN, threads=1)
    made.fit(frame)
    called = np.asarray(made.predict(frame)) == -1
    assert (called == truth).mean() > 0.9
    assert made.facts_["anomalies"]["events"] >= 1
    made.save(tmp_path / "pumps.lode")
    again = load(tmp_path / "pumps.lode")
    assert np.array_equal(again.score_samples(frame), made.score_samples(frame))
    with pytest.raises(OptionError, match="window"):
        again.score_one({"pressure": 5.0})


def test_series_that_are_not_known_to_be_normal_show_their_odd_parts_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half of a machine's life is no anomaly; a short fault in a long series is."""
    monkeypatch.setattr(denoise, "STEPS", 300)
    frame = pumps().filter(pl.col("machine") == "pump 1").drop("machine", "odd")
    table = Table.of(frame)
    schema = infer(table, Roles(timestamp="time"))
    settings = Settings(threads=1, capacity=1)
    found = detect_series(table, schema, settings, Normal(), None, Budget.begin(None, None))
    odd = pumps().filter(pl.col("machine") == "pump 1")["odd"].to_numpy()
    assert roc_auc_score(odd, found.watched.outputs) > 0.85
    assert len(found.watched.found) == 1


def test_a_channel_that_is_far_out_is_told_at_the_height_that_it_was_measured_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(denoise, "STEPS", 20)
    monkeypatch.setattr(ranks, "QUICK", 10)
    hot = pl.when(pl.int_range(pl.len()).is_between(300, 400)).then(pl.col("heat") + 900)
    frame = pumps().filter(pl.col("machine") == "pump 0").drop("machine", "odd")
    table = Table.of(frame.with_columns(hot.otherwise(pl.col("heat")).alias("heat")))
    schema = infer(table, Roles(timestamp="time"))
    told = (Settings(threads=1), Normal(rows=CLEAN), None, Budget.begin(None, None))
    found = detect_series(table, schema, *told)
    blamed = next(why.blamed[0] for why in found.watched.why if why.blamed[0].channel == "heat")
    assert blamed.value == pytest.approx(960, abs=1)
    assert blamed.usual == pytest.approx(60, abs=1)
    drawn = [own for one in views(found.model, found.watched)["series"] for own in one["channels"]]
    means = next(own["mean"] for own in drawn if own["name"] == "heat")
    assert max(means) == pytest.approx(960, abs=1)


def test_the_page_gives_reasons_in_the_language_that_it_is_asked_for(run: Path) -> None:
    facts = json.loads((run / "result.json").read_text("utf-8"))
    assert "（通常为" in render(facts, "zh")
    assert "(usually" not in render(facts, "zh")
    assert "(usually" in render(facts, "en")


@pytest.mark.parametrize(("times", "unit"), [(1, "Minutes"), (60, "Hours"), (3600, "Days")])
def test_the_calendar_counts_in_a_unit_of_which_there_are_a_few(
    run: Path, times: int, unit: str
) -> None:
    facts = json.loads((run / "result.json").read_text("utf-8"))
    for one in facts["views"]["calendar"]:
        for end in ("start", "end"):
            one[end] = one["begun"] + times * (one[end] - one["begun"])
    assert f"{unit} since the series began" in render(facts, "en")


def test_a_search_among_moments_that_does_not_fit_is_refused_before_it_begins(
    run: Path, tmp_path: Path
) -> None:
    facts = json.loads((run / "result.json").read_text("utf-8"))
    planned = facts["limits"]["planned_memory_bytes"]
    assert 740e6 < planned < 800e6
    many = pumps().drop("odd").select(pl.all().repeat_by(200).explode())
    table = Table.of(many)
    schema = infer(table, Roles(timestamp="time", group="machine"))
    needed = room_of_series(table, schema, False, None)
    assert needed > 2 * planned
    assert room_of_series(table, schema, True, None) < needed
    assert room_of_series(table, schema, False, 2 * needed) == needed
    with pytest.raises(LimitError) as told:
        room_of_series(table, schema, False, needed)
    assert told.value.code == "E-LIMIT-020"
