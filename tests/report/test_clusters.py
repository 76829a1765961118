"""The page of groups: names, the map, and images side by side with the style that they need."""

from __future__ import annotations

import numpy as np

from deeplode.report.page import render
from deeplode.report.pictures import picture
from deeplode.report.rowmap import SIDE, drawn


def facts(pictures: list[str]) -> dict[str, object]:
    group = {"cluster": 1, "name": "gold & old", "rows": 3, "share": 1.0, "traits": []}
    places = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    return {
        "verb": "cluster",
        "groups": [{**group, "pictures": pictures}],
        "map": drawn(places, np.arange(50) % 2),
    }


def test_images_of_a_group_stand_side_by_side() -> None:
    page = render(facts([picture(np.zeros((1, 8, 8), np.uint8))]), "en")
    assert page.count(".pictures ul") == 1
    assert ".pictures ul" not in render(facts([]), "en")
    assert "gold &amp; old" in page


def test_the_map_holds_every_row_and_the_number_of_each_group_within_its_frame() -> None:
    made = facts([])["map"]
    assert [mark["cluster"] for mark in made["marks"]] == [1, 2]
    assert all(0 <= mark[axis] < SIDE for mark in made["marks"] for axis in ("x", "y"))
    page = render(facts([]), "zh")
    assert page.count("<image ") == 1
    assert made["image"] in page


def test_the_page_says_which_change_moves_how_many_rows_in_both_languages() -> None:
    change = {"share": 0.62, "low": 0.54, "high": 0.69, "inside": 0.9}
    one = {**change, "columns": ["spent"], "cells": [87.5]}
    two = {**change, "columns": ["spent", "plan"], "cells": [87.5, "<gold>"], "inside": 1.0}
    told = [
        {"from": 1, "to": 2, "rows": 150, "changes": [one, two]},
        {"from": 2, "to": 1, "rows": 150, "changes": []},
    ]
    made = {**facts([]), "moves": told, "split": {"test": 300}}
    english, chinese = render(made, "en"), render(made, "zh")
    for page in (english, chinese):
        assert '<section id="moves"' in page
        assert "&lt;gold&gt;" in page
        assert "62%" in page
    assert "10% of them are like no group then" in english
    assert "None" not in english
    assert '<section id="moves"' not in render(facts([]), "en")
