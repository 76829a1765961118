"""The few lines that a notebook shows for a model."""

from __future__ import annotations

from deeplode.report.notebook import model_html


def test_a_fitted_model_shows_its_answer_and_leaderboard(binary_facts):
    html = model_html(binary_facts, {"seed": 3}, "Classifier")
    assert "93 times in 100" in html
    assert "Boosted trees" in html
    assert "0.924 to 0.934" in html
    assert "seed=3" in html


def test_a_model_not_fitted_shows_its_options():
    html = model_html(None, {"time_limit": "5m"}, "Regressor")
    assert "Regressor" in html
    assert "not fitted yet" in html
    assert "time_limit=&#39;5m&#39;" in html


def test_options_and_names_are_escaped(binary_facts):
    binary_facts["target"] = "<b>x</b>"
    html = model_html(binary_facts, {"<i>": "<script>"}, "<u>")
    for tag in ("<b>x", "<i>", "<script", "<u>"):
        assert tag not in html
