"""How good the models are: leaderboard, all scores, calibration, errors, threshold."""

from __future__ import annotations

from deeplode.report import charts
from deeplode.report.blocks import Block, Cell, Figure, Grid, Heading, Section
from deeplode.report.charts import Row
from deeplode.report.confusion import confusion
from deeplode.report.draw import draw
from deeplode.report.facts import mapping, number, numbers, rows, thin
from deeplode.report.network import is_network
from deeplode.report.summary import Facts, chosen, main_metric, meaning, model_name
from deeplode.report.words import Words, clip, distinct, highest, places, plain
from deeplode.report.worth import worth

_METRICS_SHOWN = 8
_CANDIDATES = 12
_POINTS = 500
_SAME = 0.002  # thresholds nearer than this read the same


def leaderboard(facts: Facts, words: Words) -> Section | None:
    """Every candidate on the same test rows: chart with intervals, then the table."""
    candidates = rows(facts.get("leaderboard"))[:_CANDIDATES]
    if is_network(facts) or not any(row.get("metrics") for row in candidates):
        return None
    points = _candidate_points(facts, candidates, words)
    blocks: list[Block] = []
    if points:
        metric = main_metric(facts)
        blocks.append(_candidates_figure(points, "R-BOARD-ALL", metric, words))
        near = _leaders(points)
        if 2 <= len(near) < len(points):
            blocks.append(_candidates_figure(near, "R-BOARD-NEAR", metric, words))
    blocks.append(_leaderboard_grid(facts, candidates, words))
    return Section("leaderboard", words("R-BOARD"), tuple(blocks), words("R-BOARD-LEAD"))


def _candidate_points(facts: Facts, candidates: list[Facts], words: Words) -> list[Row]:
    metric, best = main_metric(facts), chosen(facts)
    names = distinct([_two_lines(model_name(row.get("name"), facts, words)) for row in candidates])
    points = []
    for row, name in zip(candidates, names, strict=True):
        entry = mapping(mapping(row.get("metrics")).get(metric))
        value = number(entry.get("value"))
        if value is None:
            continue
        ends = numbers(entry, "low", "high") or {"low": value, "high": value}
        shown = words.score(value, metric)
        points.append(
            {"name": name, "value": value, "shown": shown, "chosen": row.get("name") == best} | ends
        )
    return points


def _two_lines(name: str) -> str:
    """A name clipped for a chart's axis, broken near its middle when it is long."""
    name = clip(name, 36)
    gaps = [i for i, character in enumerate(name) if character == " "]
    if len(name) <= 18 or not gaps:
        return name
    middle = min(gaps, key=lambda i: abs(2 * i - len(name)))
    return f"{name[:middle]}\n{name[middle + 1 :]}"


def _leaders(points: list[Row]) -> list[Row]:
    """Those near the model that the run leaves, whose differences the whole chart hides."""
    kept = next((row for row in points if row["chosen"]), points[-1])
    width = max(kept["high"] - kept["low"], abs(kept["value"]) * 1e-3)
    return [row for row in points if abs(row["value"] - kept["value"]) <= 3 * width]


def _candidates_figure(points: list[Row], code: str, name: str, words: Words) -> Figure:
    metric = words.named("METRIC", name)
    label = ", ".join(f"{row['name']}: {row['shown']}" for row in points).replace("\n", " ")
    svg = draw(charts.intervals(points, metric, highest(name)), f"{words(code)}. {metric}. {label}")
    return Figure(words(code), svg, words(f"{code}-NOTE"))


def _leaderboard_grid(facts: Facts, candidates: list[Facts], words: Words) -> Grid:
    main, best = main_metric(facts), chosen(facts)
    seen = [name for row in candidates for name in mapping(row.get("metrics"))]
    metrics = list(dict.fromkeys([main, *seen]))[:_METRICS_SHOWN] if seen else []
    head = (
        Heading(words("R-MODEL")),
        *(Heading(words.named("METRIC", name), number=True) for name in metrics),
        Heading(words("R-FIT-SECONDS"), number=True),
        Heading(words("R-PREDICT-SECONDS"), number=True),
    )
    table = []
    for row in candidates:
        scores = mapping(row.get("metrics"))
        cells = [Cell(model_name(row.get("name"), facts, words), strong=row.get("name") == best)]
        for name in metrics:
            entry = mapping(scores.get(name))
            note = words.interval(entry, name) if name == main else ""
            cells.append(Cell(words.score(entry.get("value"), name), note))
        cells += [Cell(words.seconds(row.get(key))) for key in ("fit_seconds", "predict_seconds")]
        table.append(tuple(cells))
    return Grid(words("R-BOARD-TABLE"), head, tuple(table))


def all_scores(facts: Facts, words: Words) -> Section | None:
    """Each metric of the model with its interval and what it says."""
    metrics = mapping(facts.get("metrics"))
    if is_network(facts) or not metrics:  # whose candidates say it all
        return None
    head = (
        Heading(words("R-SCORE")),
        Heading(words("R-VALUE"), number=True),
        Heading(words("R-INTERVAL-HEAD"), number=True),
    )
    table = []
    for name in list(metrics)[:30]:
        entry = mapping(metrics[name])
        table.append(
            (
                Cell(
                    words.named("METRIC", name),
                    meaning(name, entry.get("value"), words),
                    strong=name == main_metric(facts),
                ),
                Cell(words.score(entry.get("value"), name)),
                Cell(words.interval(entry, name)),
            )
        )
    grid = Grid(words("R-SCORES-TABLE"), head, tuple(table))
    return Section("scores", words("R-SCORES"), (grid,), words("R-SCORES-LEAD"))


def errors(facts: Facts, words: Words) -> Section | None:
    """Where the model is wrong and how far its probabilities and threshold can be trusted."""
    found = (
        worth(facts, words),
        confusion(facts, words),
        _residuals(facts, words),
        _calibration(facts, words),
        _threshold(facts, words),
    )
    blocks = tuple(block for block in found if block is not None)
    return Section("errors", words("R-ERRORS"), blocks) if blocks else None


def _calibration(facts: Facts, words: Words) -> Figure | None:
    entry = mapping(facts.get("calibration"))
    bins = [row for row in rows(entry.get("bins")) if numbers(row, "predicted", "observed")][:50]
    if not bins:
        return None
    points = [
        {"predicted": row["predicted"], "observed": row["observed"]}
        | (numbers(row, "low", "high") or {})
        for row in bins
    ]
    head = tuple(
        Heading(words(code), number=True)
        for code in ("R-PREDICTED", "R-OBSERVED", "R-INTERVAL-HEAD", "R-COUNT")
    )
    table = tuple(
        (
            Cell(words.share(row["predicted"])),
            Cell(words.share(row["observed"])),
            Cell(_share_interval(row, words)),
            Cell(words.count(row.get("count"))),
        )
        for row in bins
    )
    titles = (words("R-PREDICTED"), words("R-OBSERVED"))
    note = words("R-CALIBRATION-NOTE")
    if number(entry.get("ece")) is not None:
        note += words("R-CALIBRATION-ECE", ece=words.share(entry["ece"]))
    svg = draw(charts.calibration(points, titles), f"{words('R-CALIBRATION')}. {note}")
    grid = Grid(words("R-CALIBRATION"), head, table, folded=words("R-NUMBERS"))
    return Figure(words("R-CALIBRATION"), svg, note, grid)


def _share_interval(row: Facts, words: Words) -> str:
    ends = numbers(row, "low", "high")
    if ends is None:
        return ""
    return words("R-INTERVAL", low=words.share(ends["low"]), high=words.share(ends["high"]))


def _threshold(facts: Facts, words: Words) -> Figure | None:
    entry = mapping(facts.get("threshold"))
    names = ("f1", "precision", "recall")
    curve = [row for row in rows(entry.get("curve")) if number(row.get("threshold")) is not None]
    points = [
        {"x": row["threshold"], "y": row[name], "series": words(f"R-{name.upper()}")}
        for row in thin(curve, 200)
        for name in names
        if number(row.get(name)) is not None
    ]
    if not points:
        return None
    order = [words(f"R-{name.upper()}") for name in names]
    value = number(entry.get("value"))
    titles = (words("R-THRESHOLD-AXIS"), words("R-SCORE"))
    note = words("R-THRESHOLD-NOTE")
    if value is not None:
        note = words("R-THRESHOLD-CHOSEN", value=words.figure(value, 3)) + note
    svg = draw(charts.lines(points, order, titles, value), f"{words('R-THRESHOLD')}. {note}")
    return Figure(words("R-THRESHOLD"), svg, note, _thresholds(curve, value, words))


def _thresholds(curve: list[Facts], value: float | None, words: Words) -> Grid:
    """A few thresholds and the one chosen, with what each would give."""
    shown = {row["threshold"]: row for row in thin(curve, 7)}
    nearest = None
    if value is not None:
        nearest = min(curve, key=lambda row: abs(row["threshold"] - value))
        shown[nearest["threshold"]] = nearest
        if abs(nearest["threshold"] - value) > _SAME:
            nearest = None  # the curve has no point at the one chosen
    table = tuple(
        (
            Cell(words.figure(threshold, max(3, places(threshold, 2))), strong=row is nearest),
            *(Cell(words.figure(row.get(name), 3)) for name in ("precision", "recall", "f1")),
            Cell(_flagged(row.get("flagged"), words)),
        )
        for threshold, row in sorted(shown.items())
    )
    heads = ("R-PRECISION", "R-RECALL", "R-F1", "R-FLAGGED")
    head = tuple(Heading(words(code), number=True) for code in heads)
    return Grid(words("R-THRESHOLD-TABLE"), (Heading(words("R-THRESHOLD-AXIS")), *head), table)


def _flagged(value: object, words: Words) -> str:
    """A share of rows, or their number."""
    as_float = number(value)
    is_share = as_float is not None and 0 <= as_float <= 1
    return words.share(as_float) if is_share else words.count(as_float)


def _residuals(facts: Facts, words: Words) -> Figure | None:
    entry = mapping(facts.get("residuals"))
    pairs = entry.get("points")
    points = []
    for pair in pairs if isinstance(pairs, list) else []:
        ends = [number(end) for end in pair] if isinstance(pair, list) else []
        if len(ends) == 2 and ends[0] is not None and ends[1] is not None:
            points.append({"predicted": ends[0], "truth": ends[1]})
    if not points:
        return None
    truths = sorted(point["truth"] for point in points)
    least = min(min(point.values()) for point in points)
    middle = truths[len(truths) // 20], truths[-1 - len(truths) // 20]
    log = least > 0 and middle[1] > 30 * middle[0]
    titles = (words("R-PREDICTION"), words("R-TRUTH"))
    note = words("R-RESIDUALS-NOTE") + (words("R-LOG-SCALE") if log else "")
    spec = charts.scatter(thin(points, _POINTS), titles, log=log)
    svg = draw(spec, f"{words('R-RESIDUALS')}. {note}")
    return Figure(words("R-RESIDUALS"), svg, note, _quantiles(entry, words))


def _quantile(name: str, words: Words) -> str:
    """'0.05' as 5%; a name that is no share stays as it is."""
    try:
        share = float(name)
    except ValueError:
        return plain(name, 40)
    return words.share(share, 0 if (100 * share).is_integer() else 1)


def _quantiles(entry: Facts, words: Words) -> Grid | None:
    quantiles = mapping(entry.get("quantiles"))
    table = tuple(
        (Cell(_quantile(name, words)), Cell(words.figure(value)))
        for name, value in list(quantiles.items())[:20]
    )
    if not table:
        return None
    head = (Heading(words("R-QUANTILE")), Heading(words("R-RESIDUAL"), number=True))
    return Grid(words("R-QUANTILES"), head, table)
