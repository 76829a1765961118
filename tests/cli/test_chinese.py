"""A table in Chinese through the whole program: GB18030 in, Excel and standard input after."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from rich.cells import cell_len
from sklearn.datasets import load_wine

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_chinese_table_trains_predicts_and_reports_in_chinese(
    tmp_path: Path, deeplode: Run
) -> None:
    wine = load_wine()
    table = pl.DataFrame(wine.data[:, :6], ["酒精", "苹果酸", "灰分", "灰分碱度", "镁", "总酚"])
    table = table.with_columns(
        pl.Series("颜色", np.where(wine.data[:, 9] > 4.7, "深红", "浅红")),
        pl.Series("品种", np.array(["甲", "乙", "丙"])[wine.target]),
    )
    (tmp_path / "葡萄酒.csv").write_bytes(table.write_csv().encode("gb18030"))
    table.write_excel(tmp_path / "葡萄酒.xlsx")
    done = deeplode(
        *("train", "葡萄酒.csv", "--target", "品种", "--lang", "zh", "--out", "结果"),
        *("--epochs", "3", "--members", "2", "--hidden", "32"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "深度网络" in done.stdout
    assert "结果/report.html" in done.stdout
    assert max(cell_len(line) for line in done.stdout.splitlines()) <= 80
    facts = json.loads((tmp_path / "结果" / "result.json").read_text("utf-8"))
    assert facts["task"] == "multiclass"
    assert facts["source"]["reading"]["encoding"] == "gb18030"
    kinds = {one["name"]: one["kind"] for one in facts["source"]["features"]}
    assert (kinds["酒精"], kinds["颜色"]) == ("number", "category")
    page = (tmp_path / "结果" / "report.html").read_text("utf-8")
    assert "苹果酸" in page
    assert 'lang="zh' in page

    measured = deeplode("evaluate", "结果", "葡萄酒.xlsx", "--json", cwd=tmp_path)
    assert json.loads(measured.stdout)["metrics"]["accuracy"]["value"] > 0.6

    unlabelled = table.drop("品种").head(5).write_csv()
    answers = deeplode("predict", "结果", "-", cwd=tmp_path, stdin=unlabelled)
    assert answers.returncode == 0, answers.stderr
    frame = pl.read_csv(io.StringIO(answers.stdout))
    assert {"probability_甲", "probability_乙", "probability_丙"} <= set(frame.columns)
    assert set(frame["prediction"]) <= {"甲", "乙", "丙"}
