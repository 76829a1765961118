"""What the documents say is so: commands, flags, codes and every block of the READMEs."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from PIL import Image

from deeplode.cli.main import COMMANDS, _command
from deeplode.detectors import denoise, ranks

Program = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).parents[1]
READMES = ["README.md", "README.zh.md"]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def blocks(name: str, language: str) -> list[str]:
    """Code blocks of one language in a document."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / name).read_text("utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tables that the READMEs speak of."""
    path = tmp_path_factory.mktemp("readme")
    rng = np.random.default_rng(0)
    months, plan = rng.integers(1, 60, 400), rng.choice(["basic", "family", "pro"], 400)
    churned = np.where(rng.random(400) < 1 / (1 + months / 12), "yes", "no")
    table = pl.DataFrame({"months": months, "plan": plan, "churned": churned})
    table.write_csv(path / "customers.csv")
    table.drop("churned").head(20).write_csv(path / "new.csv")
    bought = {"customer": rng.integers(0, 60, 900), "product": rng.integers(0, 20, 900)}
    days = [f"2026-{one // 28 + 1:02}-{one % 28 + 1:02}" for one in rng.integers(0, 336, 900)]
    pl.DataFrame({**bought, "day": days}).write_csv(path / "purchases.csv")
    media(path, rng)
    return path


def media(path: Path, rng: np.random.Generator) -> None:
    """Reviews, scans and clips that differ in what the READMEs have learned of them."""
    stars = rng.integers(1, 6, 100)
    words = ["terrible", "poor", "fair", "good", "superb"]
    texts = [
        f"The room was {words[one - 1]} on day {at} of our stay" for at, one in enumerate(stars)
    ]
    pl.DataFrame({"review": texts, "stars": stars}).write_csv(path / "reviews.csv")
    clips = []
    for at in range(60):
        kind = at % 2
        folder = path / "scans" / ("healthy", "ill")[kind]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 90, (12, 12), np.uint8)
        pixels[3:8, 3:8] += np.uint8(120 * kind)
        Image.fromarray(pixels).save(folder / f"{at}.png")
        tone = np.sin(np.arange(800) * (0.2 + 0.3 * kind)) / 3 + rng.normal(0, 0.05, 800)
        soundfile.write(path / f"{at}.wav", tone, 8_000)
        clips.append((f"{at}.wav", ("low", "high")[kind]))
    Image.fromarray(pixels).save(path / "new-scan.png")
    pl.DataFrame(clips, ["clip", "word"], orient="row").write_csv(path / "clips.csv")


@pytest.mark.usefixtures("short_nets")
def test_the_commands_of_the_readme_run_in_their_order(
    folder: Path, deeplode: Program, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denoise, "STEPS", 100)
    monkeypatch.setattr(ranks, "QUICK", 20)
    lines = [line for block in blocks("README.md", "bash") for line in block.splitlines()]
    commands = [shlex.split(line, comments=True) for line in lines if line.startswith("deeplode ")]
    assert {words[1] for words in commands} == set(COMMANDS)
    for words in commands:
        command = program if "--time-limit" in words else deeplode  # which counts from the start
        done = command(*words[1:], cwd=folder)
        assert done.returncode == 0, f"{shlex.join(words)}\n{done.stderr}"


def test_the_python_of_the_readme_runs_block_after_block(folder: Path) -> None:
    told = [*blocks("README.md", "python"), "assert len(answers) == 20"]
    (folder / "block.py").write_text("\n".join(told), "utf-8")
    around = {**os.environ, "KERAS_BACKEND": "torch"}  # as the README asks for
    done = subprocess.run(
        [sys.executable, "block.py"], cwd=folder, env=around, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr


def test_both_readmes_show_the_same_code() -> None:
    english, chinese = ("\n".join(blocks(name, "(?:bash|python)")) for name in READMES)

    def strip(text: str) -> str:
        return re.sub(r" +#.*| --lang zh", "", text)

    assert strip(english) == strip(chinese)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text("utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_the_index_leads_to_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    for path in (ROOT / "docs").glob("*.md"):
        assert path.name == "index.md" or f"]({path.name})" in index


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_make_targets_that_documents_name_exist(path: Path) -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    text = path.read_text("utf-8")
    for target in re.findall(r"(?:^|`)make (\w+)(?:\s|`)", text, re.MULTILINE):
        assert target in targets, f"{path.name} names make {target}"


@pytest.mark.parametrize("name", ["errors.md", "cli.md"])
def test_pages_made_from_the_source_are_up_to_date(name: str) -> None:
    write = runpy.run_path(str(ROOT / "docs" / "make.py"))["PAGES"][name]
    text = (ROOT / "docs" / name).read_text("utf-8")
    assert write(text) == text, "run make docs"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_every_flag_is_documented(name: str) -> None:
    import typer

    app = typer.Typer(add_completion=False)
    app.command()(_command(name))
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert f"`deeplode {name} " in page or f"`deeplode {name}`" in page
    for parameter in typer.main.get_command(app).params:
        for flag in parameter.opts:
            if flag.startswith("--"):
                assert re.search(rf"`{flag}[ `]", page), f"{name} {flag} is not in docs/cli.md"


def test_every_exit_status_is_documented() -> None:
    from deeplode import errors

    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    kinds = [one for one in vars(errors).values() if hasattr(one, "exit_status")]
    for status in {0, *(kind.exit_status for kind in kinds)}:
        assert f"| {status} |" in page
