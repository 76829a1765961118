"""Every model file ever released is still read, and still gives the answers that it gave.

To add one: train on data that may be published, copy the model file to
``tests/golden/format-<number>/<what>.lode``, commit it, and never change it again.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deeplode import modelfile
from deeplode.data.table import Table
from deeplode.lode.rows import split_answers
from deeplode.saved import restore

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("format-*/*.lode"))
LARGEST = 1_500_000  # bytes: they stay in the repository for ever


def test_there_are_golden_files_of_every_format() -> None:
    formats = {path.parent.name for path in FILES}
    assert formats == {f"format-{number}" for number in range(1, modelfile.FORMAT + 1)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(GOLDEN)))
def test_a_released_model_file_still_gives_its_answers(path: Path) -> None:
    parts = modelfile.read(path)
    assert f"format-{parts.manifest['format']}" == path.parent.name
    assert path.stat().st_size < LARGEST
    inputs, expected = split_answers(parts.probe)
    assert len(expected)
    answers = restore(path).model.predict(Table.of(inputs)).outputs
    # Another processor may round sums of float32 otherwise.
    np.testing.assert_allclose(answers.reshape(expected.shape), expected, rtol=1e-3, atol=1e-5)
