"""Replay: an earlier run's options and steps, to be taken again whatever the clock says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deeplode.errors import OptionError
from deeplode.options import TrainOptions


def replayed(options: TrainOptions) -> tuple[TrainOptions, Mapping[str, Any]]:
    """The options of an earlier run with its recorded steps instead of its limits.

    Raises OptionError when there is no such run of ``train``.
    """
    result = Path(str(options.replay)) / "result.json"
    if not result.is_file():
        raise OptionError("E-OPT-092", path=str(options.replay), missing="result.json")
    facts = json.loads(result.read_text("utf-8"))
    if facts["verb"] != "train":
        raise OptionError("E-OPT-097", path=str(options.replay), verb=facts["verb"])
    before = TrainOptions().with_values(facts["options"])
    mine = {"out": options.out, "force": options.force, "resume": options.resume}
    again = before.with_values({**mine, "time_limit": None, "replay": None})
    return again, facts["replay"]
