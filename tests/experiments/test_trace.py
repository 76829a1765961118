"""Trace in Python: the facts fit together, and the page shows them without asking for anything."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_wine

import deeplode
from deeplode.errors import OptionError

HOSTILE = "<script>alert(1)</script>"


def wine() -> pl.DataFrame:
    """Real measurements of wines, who grew them, and a few columns that are not numbers."""
    data = load_wine()
    frame = pl.DataFrame(data.data[:, :4], schema=["alcohol", "acid", "ash", HOSTILE])
    rng = np.random.default_rng(0)
    return frame.with_columns(
        pl.Series("gaps", [x if x > -0.8 else None for x in rng.normal(size=178)]),
        pl.Series("town", rng.choice([f"town {at}" for at in range(11)], 178)),
        pl.Series("organic", rng.choice(["yes", "no"], 178)),
        pl.Series("grower", np.array(["Ada", "Bo", "Cy"])[data.target]),
    )


def facts_of(**settings: Any) -> dict[str, Any]:
    return deeplode.trace(wine(), target="grower", **settings).facts


def test_every_layer_follows_from_the_one_before_it() -> None:
    facts = facts_of(activation="tanh", learning_rate=0.2)
    above = None
    for at, layer in enumerate(facts["layers"]):
        x, z, a, delta = (
            np.array(layer[name]) for name in ("inputs", "pre_activations", "activations", "deltas")
        )
        weights, bias = np.array(layer["before"]["weights"]), np.array(layer["before"]["bias"])
        np.testing.assert_allclose(z, x @ weights + bias)
        if at < len(facts["layers"]) - 1:
            np.testing.assert_allclose(a, np.tanh(z))
        else:
            answers, truth = (np.array(facts["batch"][name]) for name in ("answers", "truth"))
            np.testing.assert_allclose(delta, (answers - truth) / len(truth))
        if above is not None:
            np.testing.assert_allclose(x, above)
        np.testing.assert_allclose(layer["gradient"]["weights"], x.T @ delta, atol=1e-15)
        gradient = np.array(layer["gradient"]["weights"])
        np.testing.assert_allclose(layer["after"]["weights"], weights - 0.2 * gradient)
        above = a
    assert facts["loss"]["after"] < facts["loss"]["before"]
    assert facts["loss"]["before"] == pytest.approx(np.mean(facts["batch"]["losses"]))


def test_columns_become_scaled_numbers_and_one_hot_levels_without_gaps() -> None:
    facts = facts_of(batch_size="full")
    inputs = {one["name"]: one for one in facts["inputs"]}
    assert inputs["alcohol"]["how"] == "scaled"
    assert inputs["organic = true"]["how"] == "one_hot"
    assert sum(one["column"] == "town" for one in facts["inputs"]) == 8
    assert facts["cut"] == ["town"]
    x = np.array(facts["layers"][0]["inputs"])
    assert x.shape == (facts["split"]["train"], len(inputs))
    assert np.isfinite(x).all()
    gap = list(inputs).index("gaps")
    ids = [int(name) for name in facts["batch"]["ids"]]
    empty = wine()["gaps"].is_null().to_numpy()[ids]
    assert (x[empty, gap] == 0).all()
    one_hot = [at for at, one in enumerate(facts["inputs"]) if one["how"] == "one_hot"]
    assert set(np.unique(x[:, one_hot])) == {0, 1}


def test_rows_set_aside_have_no_say_in_scales_and_levels() -> None:
    frame = wine()
    first = deeplode.trace(frame, target="grower", batch_size="full").facts
    train = [int(name) for name in first["batch"]["ids"]]
    test = ~np.isin(np.arange(frame.height), train)
    assert test.sum() == first["split"]["test"]
    changed = frame.with_columns(
        pl.when(pl.Series(test)).then(1e6).otherwise(pl.col("alcohol")).alias("alcohol")
    )
    second = deeplode.trace(changed, target="grower", batch_size="full").facts
    assert second["layers"] == first["layers"]


def test_a_later_step_begins_where_the_one_before_it_ended() -> None:
    first, second = (facts_of(optimizer="adam", step=step) for step in (1, 2))
    for before, after in zip(first["layers"], second["layers"], strict=True):
        assert after["before"] == before["after"]
    assert first["batch"]["ids"] != second["batch"]["ids"]


@pytest.mark.parametrize(
    ("size", "descent", "rows"),
    [("full", "batch", 143), (1, "stochastic", 1), (8, "mini_batch", 8)],
)
def test_the_batch_size_names_the_descent(size: int | str, descent: str, rows: int) -> None:
    batch = facts_of(batch_size=size)["batch"]
    assert (batch["descent"], len(batch["ids"])) == (descent, rows)


def test_the_same_seed_gives_the_same_step_and_another_seed_another() -> None:
    assert facts_of(dropout=0.3) == facts_of(dropout=0.3)
    assert facts_of(seed=1)["layers"] != facts_of()["layers"]


def test_every_optimizer_shows_what_it_makes_of_one_gradient() -> None:
    rules = facts_of(learning_rate=0.1)["rules"]
    assert rules["changes"]["sgd"] == pytest.approx(-0.1 * rules["gradient"])
    assert rules["changes"]["nesterov"] == pytest.approx(-0.19 * rules["gradient"])
    assert rules["changes"]["adam"] == pytest.approx(-0.1 * np.sign(rules["gradient"]), rel=1e-5)


def test_numbers_that_leave_all_bounds_are_refused_and_the_rate_named() -> None:
    with pytest.raises(OptionError, match=r"1e\+300") as caught:
        facts_of(learning_rate=1e300, activation="relu", step=3)
    assert caught.value.code == "E-OPT-110"


def test_a_mistyped_keyword_is_told_the_nearest() -> None:
    with pytest.raises(OptionError, match="hidden"):
        facts_of(hiden=(4, 3))


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "all regularizers": {"l1": 0.1, "l2": 0.1, "dropout": 0.5, "optimizer": "adamw"},
    "no hidden layer": {"hidden": (), "batch_size": 1},
    "wide": {"hidden": (30, 20, 2), "activation": "relu", "batch_size": "full"},
}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("case", SETTINGS)
def test_the_page_is_whole_small_harmless_and_asks_for_nothing(case: str, language: str) -> None:
    trace = deeplode.trace(wine(), target="grower", **SETTINGS[case])
    text = trace.html(language)
    page = Page(text)
    assert len(text.encode()) < 3_000_000
    assert "script" not in page.tags
    assert HOSTILE in "".join(page.text)
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("src", "href"):
            assert value.startswith(("#", "data:"))
    assert "url(" not in text
    drawn = min(8, len(trace.facts["batch"]["ids"]))
    assert page.tags.count("svg") == 2 * drawn
    assert page.tags.count("input") == drawn
    said = " ".join(page.text)
    assert ("前向传播" in said) == (language == "zh")
    assert not re.search(r"nan|inf\b|None", said)


def test_the_page_shows_the_numbers_of_the_facts() -> None:
    trace = deeplode.trace(wine(), target="grower")
    text = " ".join(Page(trace.html("en")).text)
    for value in np.ravel(trace.facts["layers"][1]["before"]["weights"]):
        assert (f"{abs(value):.3f}" if abs(value) >= 0.1 else f"{abs(value):.4f}"[:6]) in text


def test_a_page_is_saved_once_and_replaced_only_when_asked(tmp_path: Path) -> None:
    trace = deeplode.trace(wine(), target="grower")
    path = tmp_path / "step.html"
    trace.save(path)
    with pytest.raises(OptionError, match="force"):
        trace.save(path)
    trace.save(path, force=True, language="zh")
    assert 'lang="zh-CN"' in path.read_text("utf-8")


def test_facts_are_plain_json() -> None:
    facts = facts_of()
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts


def test_a_number_is_predicted_in_standard_units_that_are_told() -> None:
    frame = wine().drop("grower")
    trace = deeplode.trace(frame, target="alcohol")
    scale, batch = trace.facts["target_scale"], trace.facts["batch"]
    back = np.ravel(batch["truth"]) * scale["spread"] + scale["mean"]
    np.testing.assert_allclose(back, [float(one) for one in batch["target"]])
    assert "standardised" in trace.html("en")
