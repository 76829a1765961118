"""The real program, used wrongly or asked for help: what it prints and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deeplode.cli.main import main

Run = Callable[..., subprocess.CompletedProcess[str]]
COMMANDS = [
    "inspect",
    "train",
    "detect",
    "cluster",
    "recommend",
    "predict",
    "evaluate",
    "report",
    "compare",
    "trace",
    "doctor",
]


def test_help_lists_the_commands_that_there_are_and_no_others(deeplode: Run) -> None:
    done = deeplode("--help")
    assert done.returncode == 0
    listed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("│ ")]
    assert [name for name in listed if not name.startswith("-")] == COMMANDS


def test_without_arguments_help_is_shown(deeplode: Run) -> None:
    assert deeplode().stdout == deeplode("--help").stdout


def test_help_fits_eighty_columns(deeplode: Run) -> None:
    for command in COMMANDS:
        assert max(map(len, deeplode(command, "--help").stdout.splitlines())) <= 80


def test_version_is_the_packages_own(program: Run) -> None:
    from deeplode import __version__

    assert program("--version").stdout == f"deeplode {__version__}\n"


def test_the_package_run_as_a_module_is_the_program(program: Run) -> None:
    command = [sys.executable, "-m", "deeplode", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == program("--version").stdout


@pytest.mark.parametrize("how", [("--lang", "zh"), ("--lang=zh",)])
def test_summaries_come_in_the_language_asked_for(deeplode: Run, how: tuple[str, ...]) -> None:
    assert "学习预测某一列" in deeplode(*how, "--help").stdout


def test_the_language_of_the_environment_counts_when_no_flag_does(deeplode: Run) -> None:
    done = deeplode("train", "x.csv", "--device", "gpu", DEEPLODE_LANG="zh_CN.UTF-8")
    assert "不能取值" in done.stderr
    done = deeplode("train", "x.csv", "--device", "gpu", "--lang", "en", DEEPLODE_LANG="zh")
    assert "cannot be" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("trian",), "E-OPT-010", "'train'"),
        (("train", "x.csv", "--tagret", "y"), "E-OPT-010", "--target"),
        (("train",), "E-OPT-010", "SOURCE"),
        (("train", "x.csv", "--seed", "much"), "E-OPT-010", "--seed"),
        (("train", "x.csv", "--seed", "-1"), "E-OPT-004", "seed"),
        (("train", "x.csv", "--time-limit", "soon"), "E-OPT-005", "90s"),
        (("train", "x.csv", "--memory-limit", "lots"), "E-OPT-005", "4GB"),
        (("train", "x.csv", "--device", "gpu"), "E-OPT-002", "cuda"),
        (("train", "x.csv", "--split", "odd"), "E-OPT-002", "random"),
        (("train", "x.csv", "--kinds", "age"), "E-OPT-003", "age"),
        (("train", "x.csv", "--hidden", "64,wide"), "E-OPT-004", "wide"),
        (("train", "x.csv", "--batch-size", "big"), "E-OPT-004", "big"),
        (("train", "x.csv", "--optimizer", "magic"), "E-OPT-002", "adamw"),
        (("train", "x.csv", "--config", "absent.toml"), "E-OPT-007", "absent.toml"),
        (("train", "x.csv", "--resume", "--force"), "E-OPT-006", "force"),
        (("inspect", "x.csv", "--lang", "tlh"), "E-OPT-002", "zh"),
        (("predict", "m.lode", "x.csv", "--out", "answers.doc"), "E-OPT-088", ".parquet"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_ends_with_status_2_and_says_what_to_do(
    deeplode: Run, arguments: tuple[str, ...], code: str, words: str
) -> None:
    done = deeplode(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"error {code}: ")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    as_json = deeplode(*arguments, "--json")
    assert as_json.returncode == 2
    error = json.loads(as_json.stdout)["error"]
    assert set(error) == {"code", "message", "column", "row", "hint"}
    assert error["code"] == code
    assert as_json.stderr == ""


def test_a_mistyped_key_of_the_config_file_is_told_the_nearest(
    deeplode: Run, tmp_path: Path
) -> None:
    path = tmp_path / "options.toml"
    path.write_text('time-limt = "5m"\n')
    done = deeplode("train", "x.csv", "--config", str(path))
    assert done.returncode == 2
    assert "time_limit" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "heavy"),
    [(["x.csv", "--device", "gpu"], 2, "polars"), (["absent.csv", "--target", "y"], 3, "torch")],
    ids=["flag", "file"],
)
def test_what_is_wrong_from_the_start_is_said_before_anything_heavy_is_loaded(
    arguments: list[str], status: int, heavy: str
) -> None:
    code = (
        "import sys; from deeplode.cli.main import main;"
        f"print(main(['train', *{arguments}]), {heavy!r} in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{status} False\n"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (MemoryError(), 5, "E-LIMIT-004"),
        (RuntimeError("secret"), 1, "E-INTERNAL-001"),
        (KeyboardInterrupt(), 130, None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_nobody_foresaw_has_its_status_too(
    error: BaseException,
    status: int,
    code: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("deeplode.verbs.doctor", fail)
    assert main(["doctor"]) == status
    shown = capsys.readouterr()
    assert shown.err.startswith(f"error {code}") if code else shown.err == ""
    assert "Traceback" not in shown.err
    main(["doctor", "--verbose"])
    assert ("Traceback" in capsys.readouterr().err) == (code is not None)


def test_no_escape_sequence_reaches_a_pipe(deeplode: Run) -> None:
    for arguments in (("--help",), ("train", "--help"), ("train", "x.csv", "--device", "\x1b[31m")):
        done = deeplode(*arguments)
        assert "\x1b" not in done.stdout + done.stderr


def test_a_closed_pipe_is_no_failure_and_says_nothing() -> None:
    program = str(Path(sys.executable).with_name("deeplode"))
    done = subprocess.run(
        ["bash", "-c", f"'{program}' train --help | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")
