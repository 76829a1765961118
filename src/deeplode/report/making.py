"""How to use the model, and how it was made."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import PurePosixPath

from deeplode.report.blocks import Lines, Section, Terms
from deeplode.report.facts import items, mapping, number, rows
from deeplode.report.summary import Facts
from deeplode.report.words import Words, plain

MOST = 20  # licences, and columns of each


def use(facts: Facts, words: Words) -> Section | None:
    """Commands and Python lines that put the model file to work."""
    files = mapping(facts.get("files"))
    if "model" not in files and (files or not facts.get("metrics")):
        return None
    name = PurePosixPath(plain(files.get("model")) or "model.lode").name or "model.lode"
    own = plain(mapping(facts.get("training")).get("net"))
    python = Lines(words("R-USE-PYTHON"), _python(name, own, facts, words))
    if own:  # the command line has none of the user's code
        return Section("use", words("R-USE"), (python,), words("R-USE-OWN", net=own))
    known = " --target truth" if facts.get("verb") in ("detect", "cluster") else ""
    links = " --edges links.csv" if facts.get("structure") == "graph" else ""
    blocks = (Lines(words("R-USE-SHELL"), _shell(shlex.quote(name), known, links, words)), python)
    return Section("use", words("R-USE"), blocks, words("R-USE-LEAD"))


def _shell(model: str, known: str, links: str, words: Words) -> str:
    """known: what evaluate must be told of the truth, where the model has learned no target.
    links: what names the links of rows."""
    return "\n".join(
        (
            f"# {words('R-USE-PREDICT')}",
            f"deeplode predict {model} new.csv{links} --out predictions.csv",
            "",
            f"# {words('R-USE-EVALUATE')}",
            f"deeplode evaluate {model} labelled.csv{links}{known}",
        )
    )


def _python(model: str, own: str, facts: Facts, words: Words) -> str:
    nets = f", nets={{{json.dumps(own, ensure_ascii=False)}: net}}" if own else ""
    links = ', edges="links.csv"' if facts.get("structure") == "graph" else ""
    lines = [
        "from deeplode import load, read",
        "",
        f"model = load({json.dumps(model, ensure_ascii=False)}{nets})",
        'table = read("new.csv")',
        f"answers = model.predict(table{links})",
    ]
    if facts.get("task") in ("binary", "multiclass"):
        lines.append("probabilities = model.predict_proba(table)")
    return "\n".join(lines)


def making(facts: Facts, words: Words) -> Section | None:
    """Split, limits asked for and kept, seed, versions."""
    limits = mapping(facts.get("limits"))
    pairs = [*_split(mapping(facts.get("split")), words)]
    pairs += [
        (words("R-LIMIT-TIME"), _kept(words.seconds, limits, "seconds", "time_limit", words)),
        (
            words("R-LIMIT-MEMORY"),
            _kept(words.size, limits, "peak_memory_bytes", "memory_limit", words),
        ),
    ]
    if number(limits.get("planned_memory_bytes")) is not None:
        planned = words.size(limits["planned_memory_bytes"])
        pairs.append((words("R-PLANNED-MEMORY"), planned))
    if number(facts.get("seed")) is not None:
        pairs.append((words("R-SEED"), plain(facts["seed"], 30)))
    pairs += [_licence(one, words) for one in rows(facts.get("licences"))[:MOST]]
    if versions := mapping(facts.get("versions")):
        told = ", ".join(
            f"{plain(name, 40)} {plain(version, 60)}"
            for name, version in list(versions.items())[:20]
        )
        pairs.append((words("R-VERSIONS"), told))
    pairs = [(term, value) for term, value in pairs if value]
    if not pairs:
        return None
    return Section("making", words("R-MAKING"), (Terms(tuple(pairs)),), words("R-MAKING-LEAD"))


def _licence(facts: Facts, words: Words) -> tuple[str, str]:
    """Whose pretrained weights the model holds for which columns, and under which licence."""
    columns = words("R-COMMA").join(plain(name, 60) for name in items(facts.get("columns"))[:MOST])
    code = "R-ENC-LICENCE" if facts.get("licence") else "R-ENC-NO-LICENCE"
    named = {name: plain(facts.get(name), 120) for name in ("name", "licence", "told")}
    return words("R-ENC-COLUMNS", columns=columns), words(code, **named)


def _split(split: Facts, words: Words) -> list[tuple[str, str]]:
    parts = [
        words(f"R-SPLIT-{name.upper()}", rows=words.count(split.get(name)))
        for name in ("train", "valid", "test")
        if number(split.get(name)) is not None
    ]
    if not parts:
        return []
    told = words("R-COMMA").join(parts)
    if split.get("how"):
        told = words("R-SPLIT-HOW", how=words.named("SPLIT", split["how"]), parts=told)
    folds = number(split.get("folds"))
    if folds is not None and folds > 1:
        told += words("R-SPLIT-FOLDS", folds=words.count(folds))
    return [(words("R-SPLIT"), told)]


def _kept(
    write: Callable[[object], str], limits: Facts, used: str, allowed: str, words: Words
) -> str:
    """What was used, and of how much where a limit was set."""
    if number(limits.get(used)) is None:
        return ""
    spent = write(limits[used])
    if number(limits.get(allowed)) is None:
        return words("R-NO-LIMIT", used=spent)
    return words("R-OF-LIMIT", used=spent, limit=write(limits[allowed]))
