"""The report in a real browser: silent, alone, and within the width of a phone."""

from __future__ import annotations

import os
import random
import shutil

import pytest

import deeplode
from deeplode.report.page import render

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium, from the variable CHROMIUM or the path."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        pytest.skip(f"no Chromium here: set CHROMIUM or install one of {', '.join(BROWSERS)}")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=list(QUIET))
        yield browser
        browser.close()


class Visit:
    """A page opened from its file, with everything that it said or asked for."""

    def __init__(self, browser, html, folder, *, width=1200, scheme="light"):
        path = folder / "report.html"
        path.write_text(html, encoding="utf-8")
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.goto(path.as_uri(), wait_until="load")

    def width(self) -> int:
        return self.page.evaluate("document.documentElement.scrollWidth")

    def colour(self, what: str) -> tuple[int, ...]:
        """Red, green and blue of the body's ``color`` or ``background-color``."""
        css = self.page.evaluate(f"getComputedStyle(document.body)['{what}']")
        return tuple(int(part) for part in css[4:-1].split(","))


@pytest.fixture
def visit(browser, tmp_path):
    """Opens pages and closes them after the test."""
    opened = []

    def open_page(html, **how):
        opened.append(Visit(browser, html, tmp_path, **how))
        return opened[-1]

    yield open_page
    for one in opened:
        one.page.close()


def test_the_page_is_silent_asks_for_nothing_and_fits_a_phone(visit, page_and_language):
    seen = visit(page_and_language[0], width=375)
    assert seen.complaints == []
    assert [url for url in seen.requests if not url.startswith("data:")] == [seen.page.url]
    assert seen.page.evaluate("document.scripts.length") == 0
    assert seen.width() == 375


@pytest.mark.parametrize("width", [320, 700, 1600])
def test_no_width_makes_the_page_scroll_sideways(visit, binary_page, width):
    assert visit(binary_page, width=width).width() == width


def test_hostile_names_do_nothing_and_do_not_widen_the_page(visit, binary_facts):
    bad = "<img src=x onerror=alert(1)></style><script>alert(1)</script>" + "w" * 300
    binary_facts["target"] = binary_facts["source"]["name"] = bad
    for feature in binary_facts["source"]["features"]:
        feature["name"] = feature["reason"] = bad
    for row in binary_facts["importance"]:
        row["column"] = bad
    binary_facts["confusion"]["classes"] = [bad, "\u202e" + bad]
    binary_facts["target_distribution"]["classes"] = [bad, bad]
    binary_facts["warnings"][0]["message"] = binary_facts["files"]["model"] = bad
    seen = visit(render(binary_facts, "en"), width=375)
    assert seen.complaints == []
    assert [url for url in seen.requests if not url.startswith("data:")] == [seen.page.url]
    assert seen.page.evaluate("document.images.length") == 0
    assert seen.width() == 375


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_dark(visit, binary_page, scheme):
    seen = visit(binary_page, scheme=scheme)
    ink, page = sum(seen.colour("color")), sum(seen.colour("background-color"))
    assert (ink > page) == (scheme == "dark")
    assert abs(ink - page) > 450


def test_chart_colours_follow_the_scheme(visit, binary_page):
    fills = [
        visit(binary_page, scheme=scheme).page.evaluate(
            "getComputedStyle(document.querySelector('#importance svg text')).fill"
        )
        for scheme in ("light", "dark")
    ]
    assert len(set(fills)) == 2


def test_labels_of_charts_stay_inside_their_card(visit, page):
    seen = visit(page)
    outside = seen.page.evaluate(
        """() => [...document.querySelectorAll("figure")].flatMap(figure => {
            const box = figure.getBoundingClientRect();
            return [...figure.querySelectorAll("svg text")]
                .filter(text => text.getBoundingClientRect().width > 0)
                .filter(text => text.getBoundingClientRect().left < box.left
                             || text.getBoundingClientRect().right > box.right)
                .map(text => text.textContent);
        })"""
    )
    assert outside == []


def test_every_table_can_be_reached_and_scrolled_with_the_keyboard(visit, binary_page):
    seen = visit(binary_page, width=375)
    assert seen.page.evaluate(
        "[...document.querySelectorAll('table')].every(t => t.closest('[tabindex=\"0\"]'))"
    )


@pytest.fixture(scope="module")
def trace_page() -> str:
    """One step of a small net on a table with long and hostile names."""
    bad = "<img src=x onerror=alert(1)></style>" + "w" * 300
    chance = random.Random(0)
    table = {name: [chance.gauss(0, 1) for _ in range(80)] for name in ("a", bad, "名称" * 40)}
    table["grower"] = [chance.choice([bad, "Bo", "Cy"]) for _ in range(80)]
    return deeplode.trace(table, target="grower", activation="relu", dropout=0.3).html("en")


@pytest.mark.parametrize("width", [320, 700, 1600])
def test_the_page_of_trace_is_silent_asks_for_nothing_and_fits(visit, trace_page, width):
    seen = visit(trace_page, width=width)
    assert seen.complaints == []
    assert [url for url in seen.requests if not url.startswith("data:")] == [seen.page.url]
    assert seen.page.evaluate("document.scripts.length + document.images.length") == 0
    assert seen.width() == width


def test_every_row_of_a_trace_can_be_chosen_with_the_mouse_and_the_keyboard(visit, trace_page):
    page = visit(trace_page).page

    def shown() -> list[int]:
        return page.evaluate(
            """() => [...document.querySelectorAll(".drawn")]
                .flatMap((one, at) => one.getBoundingClientRect().height > 0 ? [at] : [])"""
        )

    assert shown() == [0]
    for at in range(8):
        page.click(f".tabs label:nth-child({at + 1})")
        assert shown() == [at]
    page.keyboard.press("ArrowLeft")
    assert shown() == [6]


def test_names_and_numbers_of_a_drawn_net_stay_inside_the_drawing(visit, trace_page):
    outside = visit(trace_page).page.evaluate(
        """() => [...document.querySelectorAll("svg.net")].flatMap(net => {
            const box = net.getBoundingClientRect();
            return [...net.querySelectorAll("text")].map(text => text.getBoundingClientRect())
                .filter(text => text.width > 0)
                .filter(text => text.left < box.left || text.right > box.right
                             || text.top < box.top || text.bottom > box.bottom)
                .map(text => [text.left - box.left, text.right - box.left, text.top - box.top]);
        })"""
    )
    assert outside == []


@pytest.fixture(scope="module", params=["en", "zh"])
def compare_page(request) -> str:
    """Six combinations on a table with long and hostile names."""
    bad = "<img src=x onerror=alert(1)></style>" + "w" * 300
    chance = random.Random(0)
    table = {name: [chance.gauss(0, 1) for _ in range(90)] for name in ("a", "名称" * 40)}
    table[bad] = [chance.choice([bad, "Bo", "Cy"]) for _ in range(90)]
    vary = {"optimizer": ["sgd", "adam", "rmsprop_momentum"], "hidden": [(8, 8), (16, 8, 4)]}
    found = deeplode.compare(table, target=bad, vary=vary, seeds=2, epochs=3)
    return found.html(request.param)


@pytest.mark.parametrize("width", [320, 700, 1600])
def test_the_page_of_compare_is_silent_asks_for_nothing_and_fits(visit, compare_page, width):
    seen = visit(compare_page, width=width)
    assert seen.complaints == []
    assert [url for url in seen.requests if not url.startswith("data:")] == [seen.page.url]
    assert seen.page.evaluate("document.scripts.length + document.images.length") == 0
    assert seen.width() == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_curve_of_compare_has_the_colour_of_its_legend(visit, compare_page, scheme):
    page = visit(compare_page, scheme=scheme).page
    told = page.evaluate(
        """() => [...document.querySelectorAll("#curves .series i")]
            .map(one => getComputedStyle(one).borderTopColor)"""
    )
    assert len(set(told)) == 3
    drawn = page.evaluate(
        """() => [...document.querySelectorAll("#curves .panel:first-child svg path")]
            .map(one => getComputedStyle(one).stroke)"""
    )
    assert set(told) <= set(drawn)


def test_labels_of_compares_charts_stay_inside_their_card(visit, compare_page):
    outside = visit(compare_page, width=400).page.evaluate(
        """() => [...document.querySelectorAll("figure, .panels")].flatMap(card => {
            const box = card.getBoundingClientRect();
            return [...card.querySelectorAll("svg text")]
                .map(text => [text.textContent, text.getBoundingClientRect()])
                .filter(([_, text]) => text.width > 0)
                .filter(([_, text]) => text.left < box.left || text.right > box.right)
                .map(([name, _]) => name);
        })"""
    )
    assert outside == []
