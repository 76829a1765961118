"""Every sentence exists in every language, fits its values, and is said somewhere."""

from __future__ import annotations

import ast
import re
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from deeplode.errors import OptionError
from deeplode.messages import LANGUAGES, Notice, catalogue, say, set_language

SRC = Path(__file__).parents[1] / "src" / "deeplode"
AREAS = {  # file: what its codes begin with
    "reading": ("E-DATA", "W-READ"),
    "audio": ("W-AUDIO", "R-AUDIO"),
    "columns": ("E-DATA", "W-KIND", "W-AUDIT", "W-SPLIT", "KIND"),
    "media": ("E-DATA", "W-READ", "W-MEDIA"),
    "pretrained": ("E-OPT", "W-ENC", "R", "T"),
    "predict": ("E-DATA", "W-PRED"),
    "run": ("E-OPT", "E-DATA", "W-RUN"),
    "output": ("E-OPT",),
    "cli": ("E-OPT", "E-INTERNAL", "T"),
    "limits": ("E-LIMIT", "W-LIMIT", "E-STOP", "E-OPT"),
    "modelfile": ("E-MODEL",),
    "training": ("W-TRAIN", "V"),
    "fit": ("W-FIT",),
    "report": ("R",),
    "series": ("E-DATA", "W-SERIES", "V", "R", "T", "D", "E-OPT"),
    "detect": ("D", "V", "R", "T", "E-OPT", "E-DATA"),
    "cluster": ("E-DATA", "E-LIMIT", "V", "R", "T", "D"),
    "recommend": ("E-DATA", "E-OPT", "E-LIMIT", "W-REC", "V", "R", "T"),
    "trace": ("E-OPT", "TR"),
    "graph": ("E-DATA", "W-GRAPH", "V", "R", "T", "D", "E-OPT"),
    "compare": ("E-OPT", "E-LIMIT", "W-COMPARE", "CMP"),
    "network": ("D", "R", "T", "V", "W-GRAPH", "E-DATA", "E-OPT"),
    "ownnet": ("E-OPT", "E-MODEL", "W-NET"),
}
HEADS = "|".join(sorted({head for heads in AREAS.values() for head in heads}, key=len)[::-1])
CODE = re.compile(rf"({HEADS})(-[A-Z0-9_@]+)+")
PREFIX = re.compile(rf"({HEADS})-([A-Z0-9]+-)*")
CODES = sorted(catalogue("en"))


def placeholders(template: str) -> set[str]:
    """Names that a sentence takes values for."""
    fields = (field for _, field, _, _ in string.Formatter().parse(template) if field)
    return {re.split(r"[.\[]", field)[0] for field in fields}


def strings() -> Iterator[tuple[Path, ast.AST, str, bool]]:
    """Strings in the source that look like a code or like the beginning of one."""
    for path in sorted(SRC.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if CODE.fullmatch(node.value):
                    yield path, node, node.value, True
                elif PREFIX.fullmatch(node.value):
                    yield path, node, node.value, False
        for template in sorted(path.parent.rglob("*.j2")):
            for code in CODE.finditer(template.read_text("utf-8")):
                yield template, ast.Constant(code.group()), code.group(), True


SAID = list(strings())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_files(language: str) -> None:
    names = {path.name for path in (SRC / "locale" / "en").iterdir()}
    assert {path.name for path in (SRC / "locale" / language).iterdir()} == names


def test_both_languages_have_the_same_codes() -> None:
    assert catalogue("zh").keys() == catalogue("en").keys()


@pytest.mark.parametrize("code", CODES)
def test_both_languages_take_the_same_values(code: str) -> None:
    english, chinese = catalogue("en")[code], catalogue("zh")[code]
    assert english.keys() == chinese.keys()
    for part in english:
        assert placeholders(chinese[part]) == placeholders(english[part]), f"{code} {part}"


@pytest.mark.parametrize("code", CODES)
def test_a_sentence_is_not_empty_and_chinese_is_chinese(code: str) -> None:
    for language in LANGUAGES:
        assert catalogue(language)[code]["message"].strip(), code
    words = re.sub(r"\{[^}]*\}", "", catalogue("en")[code]["message"])
    if len(words.split()) > 2:
        assert re.search(r"[\u4e00-\u9fff]", catalogue("zh")[code]["message"]), code


@pytest.mark.parametrize("area", sorted(path.stem for path in (SRC / "locale/en").iterdir()))
def test_codes_stand_in_the_file_of_their_area(area: str) -> None:
    for code in tomllib.loads((SRC / "locale" / "en" / f"{area}.toml").read_text("utf-8")):
        assert CODE.fullmatch(code), code
        heads = tuple(f"{head}-" for head in AREAS[area])
        assert code.startswith(heads), f"{code} does not belong in {area}.toml"


def test_every_code_that_is_raised_has_its_sentence() -> None:
    for path, node, code, whole in SAID:
        where = f"{path}:{getattr(node, 'lineno', '')}"
        assert not whole or code in catalogue("en"), f"{where} says {code}, which nobody wrote"


def test_every_check_of_training_has_a_short_name_for_comparisons() -> None:
    said = re.findall(r"W-(FIT-\d+)", (SRC / "fit" / "diagnostics.py").read_text("utf-8"))
    assert set(said)
    assert {f"CMP-{code}" for code in said} <= set(CODES)


def test_no_sentence_is_left_unsaid() -> None:
    whole = {code for _, _, code, exact in SAID if exact}
    begun = tuple({code for _, _, code, exact in SAID if not exact})
    unsaid = [code for code in CODES if code not in whole and not code.startswith(begun)]
    assert not unsaid, f"nobody says {', '.join(unsaid)}"


def test_whoever_says_a_sentence_gives_it_all_its_values() -> None:
    for path in sorted(SRC.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and node.args):
                continue
            code = getattr(node.args[0], "value", None)
            called = ast.unparse(node.func).split(".")[-1]
            if code not in catalogue("en") or any(word.arg is None for word in node.keywords):
                continue
            given = {str(word.arg) for word in node.keywords}
            if called == "Notice":
                continue  # its values are a dict: checked when the notice is shown
            parts = catalogue("en")[str(code)]
            wanted = placeholders(parts["message"])
            if called.endswith(("Error", "Interrupted")):
                wanted |= placeholders(parts.get("hint", ""))
            elif called != "say" or len(node.args) > 1:
                continue
            missing = wanted - given
            assert not missing, f"{path}:{node.lineno} {code} lacks {', '.join(missing)}"


def test_a_notice_joins_its_sentence_and_its_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"W-X-001": {"message": "{column} has {count} gaps.", "hint": "Fill them."}}
    monkeypatch.setattr("deeplode.messages.catalogue", lambda language: entry)
    notice = Notice("W-X-001", "age", {"count": 3})
    assert notice.message() == "age has 3 gaps. Fill them."
    assert notice.as_json()["column"] == "age"


def test_no_blank_stands_behind_a_chinese_full_stop() -> None:
    notice = Notice("W-SERIES-001", "time", {"count": 2})
    assert notice.message("zh").endswith("2 次。各行已按时间先后排好。")
    assert "series. The rows" in notice.message("en")
    set_language("zh")
    try:
        error = str(OptionError("E-OPT-006", one="clean", other="capacity"))
    finally:
        set_language("en")
    assert error.endswith("不能同时使用。请去掉其中一个。")


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="en, zh"):
        set_language("fr")


def test_a_sentence_comes_in_the_language_asked_for() -> None:
    assert say("T-STAGE-TREES", language="en") == "boosted trees"
    assert say("T-STAGE-TREES", language="zh") == "提升树"
