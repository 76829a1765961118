"""What the screen shows of the work: results apart from progress, and nothing that steers it."""

from __future__ import annotations

import json

import pytest
from rich.cells import cell_len
from rich.console import Console

from deeplode.cli import tables
from deeplode.cli.screen import NOTICES, Screen
from deeplode.messages import set_language

BOARD = [
    {
        "name": name,
        "metrics": {
            "roc_auc": {"value": 0.93214, "low": 0.928, "high": 0.937},
            "log_loss": {"value": 0.27, "low": 0.26, "high": 0.28},
        },
        "fit_seconds": 12.34,
        "predict_seconds": 0.0123,
    }
    for name in ("trivial", "linear", "trees", "net", "blend")
]


def screen(*, json: bool = False, quiet: bool = False, verbose: bool = False) -> Screen:
    """A screen without colours."""
    return Screen(json=json, quiet=quiet, verbose=verbose, no_color=True)


def test_progress_goes_to_stderr_and_the_result_to_stdout(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with screen() as one:
        one.listen("stage", name="trees")
        one.listen("unheard-of", anything=1)
        one.result({}, lambda out: out.print("the result"))
    shown = capsys.readouterr()
    assert shown.out == "the result\n"
    assert "boosted trees" in shown.err


def test_json_is_one_object_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    with screen(json=True) as one:
        one.result({"列": 1}, lambda out: out.print("drawn"))
    assert json.loads(capsys.readouterr().out) == {"列": 1}


def test_quiet_says_nothing_beside_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    with screen(quiet=True) as one:
        one.listen("stage", name="trees")
        one.listen("notice", code="W-X-001", message="odd")
        one.note("written")
    assert capsys.readouterr().err == ""


def test_epochs_are_told_now_and_then_and_all_of_them_when_verbose(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for verbose, lines in ((False, 1), (True, 50)):
        with screen(verbose=verbose) as one:
            for epoch in range(50):
                one.listen("epoch", epoch=epoch + 1, epochs=50, valid_loss=0.5)
        assert len(capsys.readouterr().err.splitlines()) == lines


def test_a_terminal_gets_a_bar_that_leaves_a_line_a_stage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with screen() as one:
        one.listen("stage", name="trees")
        one.listen("stage", name="net")
        one.listen("epoch", epoch=1, epochs=2, valid_loss=0.25, rows_per_second=41000)
        one.result({}, lambda out: out.print("the result"))
    shown = capsys.readouterr()
    assert "✓ boosted trees" in shown.err
    assert "✓ deep net" in shown.err
    assert shown.err.rstrip().endswith("\x1b[?25h")  # the cursor is back
    assert "the result" in shown.out


def test_warnings_that_flood_are_cut_short(capsys: pytest.CaptureFixture[str]) -> None:
    with screen() as one:
        for number in range(100):
            one.listen("notice", code="W-X-001", message=f"column {number}")
    assert len(capsys.readouterr().err.splitlines()) == NOTICES + 1


def test_names_from_the_data_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with screen() as one:
        one.listen("notice", code="W-X-001", message="\x1b[31m[bold]red\x07\u202e")
        table = tables.grid(["column"], [["[bold]\x1b[2J"]], right=())
        one.result({}, lambda out: out.print(table))
    shown = capsys.readouterr()
    assert "[bold]red" in shown.err
    assert "[bold]" in shown.out
    assert not set("\x1b\x07\u202e") & set(shown.out + shown.err)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_leaderboard_fits_eighty_columns(
    language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_language(language)
    try:
        facts = {
            "task": "binary",
            "main_metric": "roc_auc",
            "leaderboard": BOARD,
            "split": {"test": 9769},
        }
        tables.leaderboard(Console(width=80, no_color=True), facts)
    finally:
        set_language("en")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 + len(BOARD)  # nothing was wrapped
    assert max(cell_len(line) for line in lines) <= 80
    assert sum("0.932 [0.928, 0.937]" in line for line in lines) == len(BOARD)


@pytest.mark.parametrize(("chance", "told"), [(0.034, True), (0.4, False)])
def test_average_precision_is_told_where_positives_are_rare(
    chance: float, told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {"value": 0.842, "low": 0.761, "high": 0.915}
    guess = {"roc_auc": {"value": 0.5}, "average_precision": {"value": chance}}
    facts = {
        "task": "binary",
        "main_metric": "roc_auc",
        "metrics": {"average_precision": found},
        "leaderboard": [{**BOARD[0], "metrics": guess}, *BOARD[1:]],
        "split": {"test": 2000},
    }
    tables.leaderboard(Console(width=80, no_color=True), facts)
    shown = " ".join(capsys.readouterr().out.split())
    assert ("average precision is 0.842 [0.761, 0.915], 0.034 for a guess" in shown) == told


def test_a_long_path_stays_whole_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    path = "runs/" + "x" * 200
    tables.paths(Console(width=80, no_color=True), [("report", path)])
    assert path in capsys.readouterr().out
