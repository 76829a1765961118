"""Features from a second file stand beside the rows of the source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from deeplode.data.column import Kind
from deeplode.data.read import read
from deeplode.data.schema import Roles, infer
from deeplode.data.sparsecells import unpacked
from deeplode.errors import DataError

RNG = np.random.default_rng(0)
DENSE = np.where(RNG.random((40, 30)) < 0.2, RNG.normal(size=(40, 30)), 0).astype(np.float32)


@pytest.fixture
def nodes(tmp_path: Path) -> str:
    path = tmp_path / "nodes.csv"
    pl.DataFrame({"id": range(40), "y": ["a", "b"] * 20}).write_csv(path)
    return str(path)


def saved(tmp_path: Path, form: str) -> str:
    path = tmp_path / "features.npz"
    sparse.save_npz(path, sparse.coo_array(DENSE).asformat(form))
    return str(path)


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_a_sparse_matrix_of_any_layout_becomes_one_column_with_the_same_entries(
    nodes, tmp_path, form
):
    table = read(nodes, features=saved(tmp_path, form))
    assert table.names == ["id", "y", "features"]
    rows, places, values = unpacked(table.frame["features"])
    found = np.zeros_like(DENSE)
    found[rows, places] = values
    np.testing.assert_array_equal(found, DENSE)
    schema = infer(table, Roles(target="y", id="id"))
    assert schema["features"].kind is Kind.SPARSE


def test_rows_that_are_left_out_lose_their_features_with_them(nodes, tmp_path):
    table = read(nodes, features=saved(tmp_path, "csr"), every=3)
    rows, places, values = unpacked(table.frame["features"])
    found = np.zeros_like(DENSE[::3])
    found[rows, places] = values
    np.testing.assert_array_equal(found, DENSE[::3])


def test_an_array_and_a_parquet_file_become_columns_beside_those_of_the_source(nodes, tmp_path):
    np.save(tmp_path / "f.npy", DENSE[:, :3])
    table = read(nodes, features=str(tmp_path / "f.npy"))
    assert table.names == ["id", "y", "f1", "f2", "f3"]
    np.testing.assert_array_equal(table.frame["f2"].to_numpy(), DENSE[:, 1])
    pl.DataFrame({"y": range(40), "z": range(40)}).write_parquet(tmp_path / "f.parquet")
    table = read(nodes, features=str(tmp_path / "f.parquet"))
    assert table.names == ["id", "y", "y_", "z"]


def test_another_number_of_rows_is_refused(nodes, tmp_path):
    np.save(tmp_path / "f.npy", DENSE[:39])
    with pytest.raises(DataError) as error:
        read(nodes, features=str(tmp_path / "f.npy"))
    assert error.value.code == "E-DATA-141"


def whole(**changed):
    plain = sparse.csr_array(DENSE)
    parts = {
        "format": np.array(b"csr"), "shape": np.array([40, 30]), "data": plain.data,
        "indices": plain.indices, "indptr": plain.indptr,
    }  # fmt: skip
    return {**parts, **changed}


@pytest.mark.parametrize(
    "changed",
    [
        {"format": np.array(b"dia")},
        {"indices": np.full(len(sparse.csr_array(DENSE).indices), 30)},
        {"indices": np.full(len(sparse.csr_array(DENSE).indices), -1)},
        {"indptr": np.arange(41) * 10**6},
        {"indptr": np.zeros(0, np.int64)},
        {"data": np.array([object()] * 3)},
        {"data": np.full(len(sparse.csr_array(DENSE).data), np.inf)},
        {"shape": np.array([40])},
        {"shape": np.array([40, 10**9])},
        {"shape": np.array([4, 30])},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_an_archive_that_is_no_sparse_matrix_is_refused_without_unpickling(
    nodes, tmp_path, changed
):
    np.savez(tmp_path / "odd.npz", **whole(**changed))
    with pytest.raises(DataError) as error:
        read(nodes, features=str(tmp_path / "odd.npz"))
    assert error.value.code == "E-DATA-140"


def test_files_of_other_kinds_are_refused_and_absent_ones_named(nodes, tmp_path):
    (tmp_path / "f.txt").write_text("1 2 3")
    with pytest.raises(DataError) as error:
        read(nodes, features=str(tmp_path / "f.txt"))
    assert error.value.code == "E-DATA-140"
    with pytest.raises(DataError, match=r"none\.npz"):
        read(nodes, features=str(tmp_path / "none.npz"))


def test_an_array_that_claims_more_than_its_file_holds_is_refused(nodes, tmp_path):
    path = tmp_path / "f.npy"
    np.save(path, DENSE)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"(40, 30)", b"(40, 31)"))
    with pytest.raises(DataError) as error:
        read(nodes, features=str(path))
    assert error.value.code == "E-DATA-140"
    np.save(path, np.array([[object()]]))
    with pytest.raises(DataError, match="object"):
        read(nodes, features=str(path))
