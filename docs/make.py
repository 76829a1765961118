"""Write docs/errors.md and the flags in docs/cli.md from the source: ``make docs``.

``tests/test_docs.py`` fails when what stands there is not what this would write.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from deeplode import errors
from deeplode.clusteroptions import ClusterOptions
from deeplode.detectoptions import DetectOptions, PredictOptions
from deeplode.experiments.settings import CompareOptions, TraceOptions
from deeplode.messages import catalogue
from deeplode.options import TrainOptions
from deeplode.readoptions import GROUPS, ReadOptions
from deeplode.recommendoptions import RecommendOptions

DOCS = Path(__file__).parent
BEGIN, END = "<!-- made by docs/make.py -->", "<!-- end -->"
BEGIN_DETECT, END_DETECT = "<!-- detect: made by docs/make.py -->", "<!-- end of detect -->"
BEGIN_CLUSTER, END_CLUSTER = "<!-- cluster: made by docs/make.py -->", "<!-- end of cluster -->"
BEGIN_RECOMMEND, END_RECOMMEND = (
    "<!-- recommend: made by docs/make.py -->",
    "<!-- end of recommend -->",
)
BEGIN_PREDICT, END_PREDICT = "<!-- predict: made by docs/make.py -->", "<!-- end of predict -->"
BEGIN_COMPARE, END_COMPARE = "<!-- compare: made by docs/make.py -->", "<!-- end of compare -->"
BEGIN_TRACE, END_TRACE = "<!-- trace: made by docs/make.py -->", "<!-- end of trace -->"

TITLES = {
    "E-OPT": "Options, flags and paths",
    "E-DATA": "Data",
    "E-LIMIT": "Limits",
    "E-MODEL": "Model files",
    "E-STOP": "Interruptions",
    "E-INTERNAL": "Faults of deeplode itself",
}


def statuses() -> dict[str, int]:
    """The exit status of every error: that of the class it is raised with."""
    found = {"E-INTERNAL-001": 1, "E-OPT-010": 2}  # said by cli/main.py, not raised
    for path in (DOCS.parent / "src").rglob("*.py"):
        for kind, code in re.findall(r"(\w+)\(\s*\"(E-\w+-\d+)\"", path.read_text("utf-8")):
            if hasattr(getattr(errors, kind, None), "exit_status"):
                found[code] = getattr(errors, kind).exit_status
    return found


STATUSES = statuses()


def errors_page() -> str:
    """Every error and warning with what to do, in both languages."""
    lines = [
        "# Errors and warnings",
        "",
        "Written by `make docs` from the sentences of the program. Words in braces are values",
        'of your data. With `--json` an error is `{"error": {"code", "message", "column", "row",',
        '"hint"}}` on standard output; without, it goes to standard error.',
    ]
    for head, title in TITLES.items():
        lines += ["", f"## {title}", "", *_entries(f"{head}-")]
    lines += ["", "## Warnings", "", "They stop nothing; `result.json` lists them.", ""]
    return "\n".join([*lines, *_entries("W-"), ""])


def _entries(head: str) -> list[str]:
    status = " exit |" if head.startswith("E-") else ""
    rows = [f"| code |{status} what | what to do |", "|---|---|---|" + "---|" * bool(status)]
    english, chinese = catalogue("en"), catalogue("zh")
    for code in sorted(code for code in english if code.startswith(head)):
        what, todo = (
            "<br>".join(_cell(one[code][part]) for one in (english, chinese) if part in one[code])
            for part in ("message", "hint")
        )
        status = (
            f" {STATUSES.get(code, errors.DataError.exit_status)} |"
            if head.startswith("E-")
            else ""
        )
        rows.append(f"| `{code}` |{status} {what} | {todo} |")
    return rows


def _cell(text: str) -> str:
    plain = re.sub(r"\{(\w+)[^}]*\}", r"{\1}", text)
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("*", "\\*"), ("_", "\\_")):
        plain = plain.replace(sign, written)
    return plain.replace("\n", " ").strip()


def flags_section() -> str:
    """Every option of ``TrainOptions`` as a flag, with its default, by heading."""
    lines: list[str] = []
    for group in GROUPS:
        own = [one for one in fields(TrainOptions) if one.metadata["group"] == group]
        if own:
            lines += ["", f"### {group}", "", "| flag | | default |", "|---|---|---|"]
            lines += map(_flag_row, own)
    return "\n".join([*lines, ""])


def _flag_row(one: Field[Any]) -> str:
    about, among, form = (one.metadata[key] for key in ("about", "among", "form"))
    name = one.name.replace("_", "-")
    flag = f"--{name} {form or '|'.join(among)}".strip()
    if one.default is True:
        flag = f"--no-{name}"
    if among and form == "NAME":
        about += f" One of {', '.join(among)}."
    default = one.metadata["shown"] or one.default
    if default is None:
        default = "from the data" if one.metadata["group"] in ("Network", "Reading") else ""
    if isinstance(default, bool | tuple):
        default = ""
    cells = (str(cell).replace("<", "&lt;").replace("|", "\\|") for cell in (about, default))
    return " | ".join(["| `" + flag.replace("|", "\\|") + "`", *cells, ""]).rstrip()


def own_section(options: type[ReadOptions]) -> str:
    """Options of a verb as flags, less those of reading."""
    own = [one for one in fields(options) if one.metadata["group"] != "Reading"]
    rows = ["| flag | | default |", "|---|---|---|", *map(_flag_row, own)]
    return "\n".join(["", *rows, ""])


def commands_page(text: str) -> str:
    """docs/cli.md with its flags written anew between the marks."""
    for begin, made, end in (
        (BEGIN, flags_section(), END),
        (BEGIN_DETECT, own_section(DetectOptions), END_DETECT),
        (BEGIN_CLUSTER, own_section(ClusterOptions), END_CLUSTER),
        (BEGIN_RECOMMEND, own_section(RecommendOptions), END_RECOMMEND),
        (BEGIN_PREDICT, own_section(PredictOptions), END_PREDICT),
        (BEGIN_COMPARE, own_section(CompareOptions), END_COMPARE),
        (BEGIN_TRACE, own_section(TraceOptions), END_TRACE),
    ):
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n{made}\n{end}{after}"
    return text


PAGES: dict[str, Callable[[str], str]] = {
    "errors.md": lambda _: errors_page(),
    "cli.md": commands_page,
}


if __name__ == "__main__":
    for name, write in PAGES.items():
        path = DOCS / name
        path.write_text(write(path.read_text("utf-8") if path.exists() else ""), "utf-8")
