"""The linear model of texts: scikit-learn's answer, within its limits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.linear_model import LogisticRegression, Ridge

from deeplode.encode.bag import matrix, pack
from deeplode.evaluate.problem import Problem
from deeplode.evaluate.sparse import GAIN, Rows, solve_sparse
from deeplode.runtime import Budget

ROWS, COLUMNS, FEATURES = 300, 3, 40


@pytest.fixture
def exact(monkeypatch) -> None:
    """Iterates as far as it goes, not only as far as it pays."""
    monkeypatch.setattr("deeplode.evaluate.sparse.GOOD", 1e-7)


def rows(classes: int, seed: int = 0) -> Rows:
    """Texts of few features, two columns and a one; classes or, of one, values."""
    rng = np.random.default_rng(seed)
    texts = sparse.random_array((ROWS, FEATURES), density=0.2, rng=rng, dtype=np.float32).tocsr()
    plain = np.hstack([rng.normal(size=(ROWS, 2)), np.ones((ROWS, 1))]).astype(np.float32)
    truth = rng.normal(size=(COLUMNS + FEATURES, max(classes, 1)))
    scores = plain @ truth[:COLUMNS] + 3 * (texts @ truth[COLUMNS:])
    scores += rng.normal(size=scores.shape)
    label = scores.argmax(1) if classes > 1 else scores[:, 0]
    return Rows(plain, texts, label, rng.uniform(0.5, 1.5, ROWS))


def design(data: Rows) -> np.ndarray:
    return np.hstack([data.plain[:, :-1], GAIN * data.texts.toarray()])


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("classes", [2, 4])
def test_classes_get_the_probabilities_of_scikit_learn(classes: int) -> None:
    data = rows(classes)
    problem = Problem("binary" if classes == 2 else "multiclass", classes)
    start = np.zeros((COLUMNS + FEATURES, classes), np.float32)
    found, steps = solve_sparse(data, start, problem, 300, Budget())
    share = ROWS * data.weight / data.weight.sum()
    strength = 2.0 if classes == 2 else 1.0  # two outputs share the penalty
    peer = LogisticRegression(C=strength, max_iter=2_000, tol=1e-7)
    peer.fit(design(data), data.label, sample_weight=share)
    scores = data.plain @ found[:COLUMNS] + data.texts @ found[COLUMNS:]
    own = torch.softmax(torch.from_numpy(scores), 1).numpy()
    np.testing.assert_allclose(own, peer.predict_proba(design(data)), atol=0.02)
    assert 3 < steps <= 300
    again, few = solve_sparse(data, found, problem, 300, Budget())
    assert few < steps, "from the answer on there is little to do"
    np.testing.assert_allclose(again, found, atol=0.05)


@pytest.mark.usefixtures("exact")
def test_values_get_the_answer_of_scikit_learn() -> None:
    data = rows(1)
    start = np.zeros((COLUMNS + FEATURES, 1), np.float32)
    found, _ = solve_sparse(data, start, Problem("regression"), 500, Budget())
    share = ROWS * data.weight / data.weight.sum()
    peer = Ridge(alpha=1.0).fit(design(data), data.label, sample_weight=share)
    scores = data.plain @ found[:COLUMNS] + data.texts @ found[COLUMNS:]
    np.testing.assert_allclose(scores[:, 0], peer.predict(design(data)), atol=0.05)


def test_it_stops_when_the_time_is_over_and_after_the_most_iterations() -> None:
    data = rows(4)
    start = np.zeros((COLUMNS + FEATURES, 4), np.float32)
    problem = Problem("multiclass", 4)
    assert solve_sparse(data, start, problem, 3, Budget())[1] <= 3
    found, steps = solve_sparse(data, start, problem, 300, Budget.begin(0))
    assert steps <= 1
    assert np.isfinite(found).all()


def test_the_same_rows_give_the_same_bits() -> None:
    data, start = rows(4), np.zeros((COLUMNS + FEATURES, 4), np.float32)
    answers = [solve_sparse(data, start, Problem("multiclass", 4), 50, Budget())[0] for _ in "ab"]
    np.testing.assert_array_equal(*answers)


def test_with_too_many_features_the_rarest_are_left_out(monkeypatch) -> None:
    monkeypatch.setattr("deeplode.evaluate.sparse.MOST_WEIGHTS", 40)
    data, start = rows(4), np.zeros((COLUMNS + FEATURES, 4), np.float32)
    found, _ = solve_sparse(data, start, Problem("multiclass", 4), 50, Budget())
    used = np.flatnonzero(found[COLUMNS:].any(1))
    counts = np.bincount(data.texts.indices, minlength=FEATURES)
    assert len(used) == 10
    assert counts[used].min() >= np.sort(counts)[-10]


def test_no_texts_at_all_are_a_plain_linear_model() -> None:
    data = rows(2)
    empty = Rows(data.plain, data.texts * np.float32(0), data.label, data.weight)
    empty.texts.eliminate_zeros()
    start = np.zeros((COLUMNS + FEATURES, 2), np.float32)
    found, _ = solve_sparse(empty, start, Problem("binary", 2), 50, Budget())
    assert found[:COLUMNS].any()
    assert not found[COLUMNS:].any()


def test_cells_become_a_matrix_of_their_weights() -> None:
    cells = np.zeros((3, 2), np.int32)
    cells[1] = pack(np.array([1, 4]), np.array([1.0, 1.0]))
    cells[2, 0] = pack(np.array([2]), np.array([1.0]))[0]
    found = matrix(torch.from_numpy(cells), 4)
    assert found.shape == (3, 5)
    assert found.dtype == np.float32
    assert found.toarray().tolist() == [[0] * 5, [0, 1, 0, 0, 1], [0, 0, 1, 0, 0]]
