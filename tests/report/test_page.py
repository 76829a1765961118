"""The report as a text: complete, escaped, small, and made from whatever facts there are."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from deeplode.report.draw import draw
from deeplode.report.page import render, write

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></svg></title><script>alert(2)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "a.b[0]['c']\\.d",
    "'; datum.x = 1 //",
    "abc\u202edcba\u2066",
    "名称" * 400,
    "half \ud800 pair",
    "",
    "nul \x00 and bell \x07",
)
TAGS = frozenset(
    (
        *("html", "head", "meta", "link", "title", "style", "body", "header", "nav", "main"),
        *("section", "footer", "h1", "h2", "h3", "p", "a", "bdi", "small", "span", "div"),
        *("dl", "dt", "dd", "ul", "li", "details", "summary", "pre", "code", "figure"),
        *("figcaption", "table", "thead", "tbody", "tr", "th", "td"),
        *("svg", "g", "path", "line", "rect", "text", "tspan"),
    )
)


class Reader(HTMLParser):
    """Collects tags, attribute names and text of a page, and checks that tags are closed."""

    VOID = frozenset({"meta", "link", "path", "line", "rect"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def poisoned(facts, text):
    """The facts with every name, value and key that comes from a user replaced by ``text``."""
    text = str(text)
    for i, feature in enumerate(facts["source"]["features"]):
        feature.update(name=f"{text}{i}", kind=text, reason=text)
    for i, row in enumerate(facts["importance"]):
        row["column"] = f"{text}{i}"
    facts["source"] |= {"name": text, "kinds": {text: 3}}
    facts["metrics"][text] = facts["metrics"][facts["main_metric"]]
    facts["leaderboard"][0]["name"] = text
    facts["leaderboard"][1]["metrics"][text] = {"value": text, "low": text, "high": text}
    facts["verdict"] = {"signal": True, "deep_pays": text, "text": text}
    facts["warnings"] = [{"code": text, "column": text, "message": text}]
    facts["findings"] = [{"text": text, "rule": text, "support": 12}]
    facts["versions"] = {text: text}
    facts["files"] = {"model": text}
    facts["split"]["how"] = text
    if facts.get("confusion"):
        facts["confusion"]["classes"] = [f"{text}{i}" for i in facts["confusion"]["classes"]]
        for entry in facts["target_distribution"]["classes"]:
            entry["class"] = f"{text}{entry['class']}"
    return facts | {"target": text, "verb": text}


def test_every_task_has_its_whole_page_in_both_languages(page_and_language):
    page, language = page_and_language
    lang = {"en": "en", "zh": "zh-CN"}[language]
    reader = read(page)
    assert f'<html lang="{lang}">' in page
    for key in ("leaderboard", "errors", "importance", "scores", "training", "data", "use"):
        assert f'<section id="{key}"' in page
    assert page.count("<svg") >= 6
    assert reader.tags <= TAGS


def test_the_page_loads_nothing_and_runs_nothing(page):
    reader = read(page)
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert f'content="{policy}"' in page
    assert page.index("Content-Security-Policy") < page.index("<style>")
    addresses = [value for name, value in reader.attributes if name in ("href", "src")]
    assert all(value.startswith(("#", "data:")) for value in addresses)
    assert "http:" not in page
    assert "https:" not in page
    assert "url(" not in page
    assert "@import" not in page


def test_the_chinese_page_has_no_english_words_of_ours(multiclass_facts):
    multiclass_facts["warnings"] = multiclass_facts["source"]["features"] = []
    reader = read(render(multiclass_facts, "zh"))
    page = " ".join(reader.text)
    for word in ("Leaderboard", "interval", "Threshold", "Columns", "rows", "Training", "seconds"):
        assert word not in page


def test_the_answer_says_how_good_it_is_beside_the_baselines_and_whether_deep_pays(binary_page):
    assert "93 times in 100, a ROC AUC of 0.930 (95% interval 0.925 to 0.935)" in binary_page
    assert "the most frequent answer gets 0.500 and boosted trees 0.929." in binary_page
    assert "Whether the deep net pays is unclear" in binary_page
    assert "a gain of 0.0014 in ROC AUC" in binary_page


def test_the_verdict_is_said_in_the_language_of_the_page(binary_facts):
    verdict = binary_facts["verdict"]
    assert "does not pay here" in render({"verdict": said(verdict, "V-012")}, "en")
    assert "No signal" in render({"verdict": said(verdict, "V-002")}, "en")
    assert "No signal" not in render({"verdict": said(verdict, "V-002")}, "zh")


def said(verdict, code):
    """A verdict whose last sentence is ``code``."""
    values = dict.fromkeys(("value", "trivial", "gain", "low", "high"), 0.25)
    values |= {"metric": "roc_auc", "net_seconds": 1.0, "trees_seconds": 1.0}
    return verdict | {"sentences": [{"code": code, "values": values}]}


@pytest.mark.parametrize("values", [{}, {"gain": "x"}, {"gain": {}}, None])
def test_a_verdict_with_unusable_values_is_left_out(binary_facts, values):
    binary_facts["verdict"]["sentences"] = [{"code": "V-013", "values": values}]
    page = render({"verdict": binary_facts["verdict"]}, "en")
    assert 'class="answer"' not in page


def test_a_verdict_without_sentences_has_its_own_text():
    assert "Only its own words." in render({"verdict": {"text": "Only its own words."}}, "en")


def test_classes_that_the_run_added_up_are_counted(multiclass_facts):
    names = [f"c{i}" for i in range(20)]
    matrix = [[9 if i == j else 1 for j in range(21)] for i in range(21)]
    multiclass_facts["confusion"] = {"classes": names, "others": 980, "matrix": matrix}
    multiclass_facts["target_distribution"] |= {"others": 993, "others_rows": 10_000}
    page = render(multiclass_facts, "en")
    assert "990 others" in page
    assert "<bdi>980 others</bdi>" in page
    assert "1,000 classes and their shares of the rows. The 7 largest are drawn." in page


def test_a_run_without_a_blend_is_about_the_net(binary_facts):
    binary_facts["leaderboard"].pop()
    del binary_facts["answer"]
    page = render(binary_facts, "en")
    assert re.search(r'<tr class="strong"><td><bdi>Deep net</bdi>', page)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_of_the_user_is_only_ever_text(binary_facts, text):
    page = render(poisoned(binary_facts, text), "en")
    reader = read(page)
    assert reader.tags <= TAGS
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    assert page.encode("utf-8")
    assert not re.search("[\x00-\x08\x0e-\x1f\u200e\u200f\u202a-\u202e\u2066-\u2069]", page)


def test_a_hostile_name_stands_on_the_page_as_it_was_written(binary_facts):
    name = '<script>alert("1")</script>'
    reader = read(render(poisoned(binary_facts, name), "zh"))
    assert any(f"{name}0" in text for text in reader.text)


def test_braces_in_names_are_not_templates(binary_facts):
    page = render(poisoned(binary_facts, "{{ 7 * 7 }}"), "en")
    assert "{{ 7 * 7 }}" in page


def test_page_comes_out_without_any_one_of_its_facts(binary_facts):
    for drawn in ("threshold", "calibration", "confusion", "importance", "target_distribution"):
        del binary_facts[drawn]
    del binary_facts["training"]["history"]
    for key in binary_facts:
        read(render({name: fact for name, fact in binary_facts.items() if name != key}, "en"))


def test_page_comes_out_of_any_one_fact_alone(facts):
    for key, fact in facts.items():
        read(render({key: fact}, "en"))


@pytest.mark.parametrize(
    "wrong", [None, "text", 3, -1.5, True, [], {}, [1, None], [[]], [{}], {"x": []}, float("nan")]
)
def test_page_comes_out_when_facts_have_other_types(binary_facts, regression_facts, wrong):
    keys = binary_facts | regression_facts
    assert "deeplode" in render(dict.fromkeys(keys, wrong), "en")


def inner_facts_replaced(value, wrong):
    """Every copy of ``value`` (a JSON value) in which one inner list or object is ``wrong``."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {**value, key: wrong}
            for changed in inner_facts_replaced(inner, wrong):
                yield {**value, key: changed}
    elif isinstance(value, list) and value:
        yield [wrong, *value[1:]]
        for changed in inner_facts_replaced(value[0], wrong):
            yield [changed, *value[1:]]


def test_page_comes_out_when_one_inner_fact_has_another_type(binary_facts):
    wrong = {"value": "x"}
    binary_facts["training"]["history"] = binary_facts["training"]["history"][:2]
    for key, whole in binary_facts.items():
        for changed in inner_facts_replaced(whole, wrong):
            frame = {"task": "binary", "main_metric": "roc_auc"}
            assert render({**frame, key: changed}, "en")


def test_empty_facts_make_a_page_that_says_so():
    assert "recorded no facts" in " ".join(read(render({}, "en")).text)
    assert "没有可展示的事实" in " ".join(read(render({}, "zh")).text)


def test_page_stays_below_three_megabytes_whatever_the_data(binary_facts):
    name = "很长的列名" * 60
    columns = [f"{name}{i}" for i in range(10_000)]
    classes = [f"class {i} {name}" for i in range(1000)]
    binary_facts["task"] = "multiclass"
    binary_facts["source"]["features"] = [
        {
            "name": column,
            "kind": "number",
            "missing": 0.5,
            "distinct": 9,
            "used": i % 2 == 0,
            "reason": name,
        }
        for i, column in enumerate(columns)
    ]
    binary_facts["importance"] = [
        {"column": column, "value": 0.1, "low": 0.0, "high": 0.2} for column in columns
    ]
    binary_facts["warnings"] = [
        {"code": "W-1", "column": column, "message": column * 9} for column in columns
    ]
    binary_facts["confusion"] = {"classes": classes, "matrix": [[1] * 1000] * 1000}
    binary_facts["target_distribution"]["classes"] = [
        {"class": name, "rows": 5} for name in classes
    ]
    binary_facts["training"]["history"] *= 1000
    binary_facts["threshold"]["curve"] *= 100
    binary_facts["calibration"]["bins"] *= 100
    binary_facts["residuals"] = {"points": [[i, i] for i in range(100_000)]}
    page = render(binary_facts, "en")
    assert len(page.encode("utf-8")) < 3_000_000
    assert "and 9,940 more" in page  # importance
    assert "and 4,900 more" in page  # columns left out
    assert "990 others" in page  # classes


def test_the_enlarged_leaderboard_shows_only_where_the_leaders_are(binary_page):
    figure = binary_page[binary_page.index("The leaders, enlarged") :]
    svg = figure[figure.index("<svg") : figure.index("</svg>")]
    assert ">0.93<" in svg
    assert ">0.0<" not in svg
    assert ">0.5<" not in svg


def test_no_axis_of_scores_goes_beyond_the_best_score(binary_facts):
    for row in binary_facts["leaderboard"][1:]:
        row["metrics"]["roc_auc"] = {"value": 0.999, "low": 0.99, "high": 1.0}
    page = render({key: binary_facts[key] for key in ("task", "metrics", "leaderboard")}, "en")
    ticks = [float(tick) for tick in re.findall(r">(\d\.\d+)</text>", page)]
    assert ticks
    assert max(ticks) == 1.0


def test_long_names_are_cut_in_charts_and_whole_in_tables(binary_facts):
    name = "monthly_average_of_all_recorded_balances_before_fees"
    binary_facts["importance"][0]["column"] = name
    page = render(binary_facts, "en")
    assert f"<bdi>{name}</bdi>" in page
    assert ">monthly_average_of_al…<" in page


def test_columns_with_equal_short_names_keep_their_own_bars(binary_facts):
    for i, row in enumerate(binary_facts["importance"]):
        row["column"] = f"{'same beginning of every name' * 2}{i}"
    page = render(binary_facts, "en")
    figure = page[page.index('id="importance"') :]
    svg = figure[figure.index("<svg") : figure.index("</svg>")]
    assert svg.count("same beginning") == 1 + len(binary_facts["importance"]) - 1 + 5


def test_every_chart_has_a_label_and_every_table_a_name(page):
    for tag in re.findall("<svg[^>]*>", page):
        assert re.search(r'role="img" aria-label="[^"]{10,}"', tag)
    for tag in re.findall('<div class="scroll"[^>]*>', page):
        assert re.search('aria-label="[^"]+"', tag)


def test_a_page_from_result_json_read_again_is_the_same(binary_facts, binary_page):
    assert render(json.loads(json.dumps(binary_facts)), "en") == binary_page


def test_rendering_leaves_the_facts_as_they_were(facts):
    before = json.dumps(facts)
    render(facts, "zh")
    assert json.dumps(facts) == before


def test_a_language_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="'fr'"):
        render({}, "fr")


def test_writing_replaces_the_page_and_leaves_nothing_else(tmp_path, binary_facts):
    path = tmp_path / "报告 report.html"
    path.write_text("old")
    write(binary_facts, path, "zh")
    assert path.read_text("utf-8") == render(binary_facts, "zh")
    assert list(tmp_path.iterdir()) == [path]


def test_a_page_that_fails_leaves_the_old_one_alone(tmp_path, binary_facts):
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(ValueError, match="language"):
        write(binary_facts, path, "xx")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_drawing_with_a_link_is_refused():
    chart = {
        "data": {"values": [{"x": 1}]},
        "mark": "point",
        "encoding": {"x": {"field": "x", "type": "quantitative"}, "href": {"value": "//x.example"}},
        "height": 50,
    }
    with pytest.raises(RuntimeError, match="href"):
        draw(chart, "a chart")


def test_the_model_file_is_quoted_in_the_lines_to_copy(binary_facts):
    binary_facts["files"] = {"model": 'runs/my "model" $(x).lode'}
    text = " ".join(read(render(binary_facts, "en")).text)
    assert """deeplode predict 'my "model" $(x).lode' new.csv""" in text
    assert r'load("my \"model\" $(x).lode")' in text
