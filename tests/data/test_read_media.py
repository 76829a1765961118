"""Folders of class folders, files of images and sounds, MedMNIST's archives, bytes in Parquet."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from deeplode.data.measure import fingerprint, size_estimate
from deeplode.data.read import read
from deeplode.data.schema import Kind, Roles, infer
from deeplode.errors import DataError

DIGITS = np.random.default_rng(0)


def png(side: int = 4) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(DIGITS.integers(0, 256, (side, side), dtype=np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def put(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png())
    return folder


def code_of(*source: object) -> str:
    with pytest.raises(DataError) as caught:
        read(source[0] if len(source) == 1 else list(source))
    return caught.value.code


def kinds(table):
    return {column.name: column.kind for column in infer(table, Roles()).columns}


def test_a_folder_of_class_folders_is_a_table_of_paths_and_labels_sorted_by_path(tmp_path):
    put(tmp_path, "cat/b.png", "cat/a.JPG", "dog/2/deep.png", "dog/1.webp")
    table = read(tmp_path)
    assert table.names == ["image", "label"]
    assert table.ids.to_list() == ["cat/a.JPG", "cat/b.png", "dog/1.webp", "dog/2/deep.png"]
    assert table.frame["image"].to_list() == [str(tmp_path / place) for place in table.ids]
    assert table.frame["label"].to_list() == ["cat", "cat", "dog", "dog"]
    assert not table.notices
    assert size_estimate(tmp_path).rows == 4
    assert kinds(table)["image"] == Kind.IMAGE


def test_sounds_come_in_a_column_of_their_name(tmp_path):
    put(tmp_path, "one/a.wav", "two/b.flac")
    assert read(tmp_path).names == ["audio", "label"]


def test_a_folder_of_files_alone_has_no_labels(tmp_path):
    put(tmp_path, "b.png", "a.png")
    table = read(tmp_path)
    assert table.names == ["image"]
    assert table.ids.to_list() == ["a.png", "b.png"]


def test_a_relative_folder_gives_absolute_paths(tmp_path, monkeypatch):
    put(tmp_path / "pictures", "cat/a.png", "dog/b.png")
    monkeypatch.chdir(tmp_path)
    assert read("pictures").frame["image"][0] == str(tmp_path / "pictures" / "cat" / "a.png")


def test_a_folder_around_the_class_folders_is_gone_through(tmp_path):
    put(tmp_path, "photos/cat/a.png", "photos/dog/b.png", "__MACOSX/photos/cat/._a.png")
    assert read(tmp_path).frame["label"].to_list() == ["cat", "dog"]


def test_a_folder_with_one_class_keeps_its_label(tmp_path):
    put(tmp_path, "cat/a.png", "cat/b.png")
    assert read(tmp_path).frame["label"].to_list() == ["cat", "cat"]


def test_train_and_test_folders_are_refused_with_the_command_that_reads_them(tmp_path):
    put(tmp_path, "train/cat/a.png", "train/dog/b.png", "test/cat/c.png")
    with pytest.raises(DataError, match="--test") as caught:
        read(tmp_path)
    assert caught.value.code == "E-DATA-090"
    assert f"{tmp_path}/train --test {tmp_path}/test" in str(caught.value)
    assert read(tmp_path / "train").frame["label"].to_list() == ["cat", "dog"]


def test_hidden_and_other_files_are_passed_over_and_counted(tmp_path):
    put(tmp_path, "cat/a.png", "dog/b.png", "cat/.c.png", "cat/notes.txt", "loose.png", ".DS_Store")
    table = read(tmp_path)
    assert len(table) == 2
    (notice,) = table.notices
    assert (notice.code, notice.values["count"]) == ("W-READ-013", 4)


def test_an_empty_folder_and_one_of_tables_are_refused(tmp_path):
    assert code_of(tmp_path) == "E-DATA-002"
    (tmp_path / "a.csv").write_text("a\n1\n")
    assert code_of(tmp_path) == "E-DATA-002"


def test_images_and_sounds_are_not_mixed(tmp_path):
    put(tmp_path, "a/a.png", "b/b.wav")
    assert code_of(tmp_path) == "E-DATA-091"
    assert code_of(tmp_path / "a" / "a.png", tmp_path / "b" / "b.wav") == "E-DATA-091"


def test_a_folder_stands_alone_and_media_are_not_mixed_with_tables(tmp_path):
    put(tmp_path, "a/a.png")
    (tmp_path / "t.csv").write_text("a\n1\n")
    assert code_of(tmp_path / "a", tmp_path / "t.csv") == "E-DATA-093"
    assert code_of(tmp_path / "a" / "a.png", tmp_path / "t.csv") == "E-DATA-092"


def test_single_files_and_globs_give_the_paths_in_their_order(tmp_path, monkeypatch):
    put(tmp_path, "a.png", "b.png", "c.txt")
    monkeypatch.chdir(tmp_path)
    assert read("a.png").frame.to_dicts() == [{"image": str(tmp_path / "a.png")}]
    assert read(["b.png", "a.png"]).ids.to_list() == ["b.png", "a.png"]
    assert read("*.png").ids.to_list() == ["a.png", "b.png"]
    assert code_of("no.png") == "E-DATA-001"


def test_every_second_file(tmp_path):
    put(tmp_path, *(f"{n % 2}/{n}.png" for n in range(8)))
    table = read(tmp_path, every=2)
    assert table.ids.to_list() == ["0/0.png", "0/4.png", "1/1.png", "1/5.png"]
    assert [notice.code for notice in table.notices] == ["W-READ-011"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
def test_links_that_go_round_in_a_circle_end(tmp_path):
    put(tmp_path, "cat/a.png", "dog/b.png")
    (tmp_path / "cat" / "up").symlink_to(tmp_path, target_is_directory=True)
    assert len(read(tmp_path)) == 2


def test_the_fingerprint_of_a_folder_changes_with_its_files_and_not_with_its_place(tmp_path):
    put(tmp_path / "one", "cat/a.png", "dog/b.png")
    before = fingerprint(tmp_path / "one")
    (tmp_path / "one").rename(tmp_path / "two")
    assert fingerprint(tmp_path / "two") == before
    put(tmp_path / "two", "dog/c.png")
    assert fingerprint(tmp_path / "two") != before


def arrays(**changes) -> dict[str, np.ndarray]:
    made = {}
    for part, rows in (("train", 6), ("val", 2), ("test", 3)):
        made[f"{part}_images"] = DIGITS.integers(0, 256, (rows, 5, 4), dtype=np.uint8)
        made[f"{part}_labels"] = DIGITS.integers(0, 2, (rows, 1))
    return made | changes


def test_medmnist_archives_give_images_labels_and_the_official_split(tmp_path):
    made = arrays()
    np.savez_compressed(tmp_path / "m.npz", **made)
    table = read(tmp_path / "m.npz")
    assert table.frame.schema == {"image": pl.Binary, "label": pl.Int64, "split": pl.String}
    assert table.frame["split"].to_list() == ["train"] * 6 + ["val"] * 2 + ["test"] * 3
    assert table.frame["label"][7] == made["val_labels"][1, 0]
    seen = np.asarray(Image.open(io.BytesIO(table.frame["image"][9])))
    assert np.array_equal(seen, made["test_images"][1])
    assert kinds(table)["image"] == Kind.IMAGE


def test_colour_16_bit_and_several_labels_come_through(tmp_path):
    made = {
        "train_images": DIGITS.integers(0, 256, (4, 5, 4, 3), dtype=np.uint8),
        "train_labels": DIGITS.integers(0, 2, (4, 3)),
    }
    np.savez(tmp_path / "m.npz", **made)
    table = read(tmp_path / "m.npz")
    assert table.names == ["image", "label_0", "label_1", "label_2", "split"]
    assert np.asarray(Image.open(io.BytesIO(table.frame["image"][0]))).shape == (5, 4, 3)
    deep = DIGITS.integers(0, 2**16, (4, 5, 4), dtype=np.uint16)
    np.savez(tmp_path / "d.npz", train_images=deep, train_labels=made["train_labels"][:, 0])
    seen = np.asarray(Image.open(io.BytesIO(read(tmp_path / "d.npz").frame["image"][2])))
    assert np.array_equal(seen, deep[2])


def test_rows_with_labels_are_read_as_columns_and_nothing_else_is_taken_for_them(tmp_path):
    cells, labels = np.arange(12.0).reshape(4, 3), np.array([0, 1, 0, 0])
    np.savez(tmp_path / "a.npz", X=cells, y=labels)
    frame = read(tmp_path / "a.npz").frame
    assert frame.columns == ["x1", "x2", "x3", "y"]
    assert np.array_equal(frame.select("x1", "x2", "x3").to_numpy(), cells)
    assert frame["y"].to_list() == labels.tolist()
    np.savez(tmp_path / "b.npz", X=np.zeros((4, 3, 2)), y=labels)
    assert code_of(tmp_path / "b.npz") == "E-DATA-012"


ODD = {
    "other arrays": {"x": np.zeros(3)},
    "labels too few": arrays(train_labels=np.zeros((5, 1), int)),
    "no labels": {"train_images": np.zeros((2, 3, 3), np.uint8)},
    "real numbers": arrays(val_images=np.zeros((2, 5, 4))),
    "volumes": arrays(test_images=np.zeros((3, 5, 4, 4), np.uint8)),
    "objects": arrays(train_labels=np.array([[{}]] * 6, object)),
}


@pytest.mark.parametrize("odd", ODD)
def test_other_archives_are_refused(tmp_path, odd):
    np.savez(tmp_path / "m.npz", **ODD[odd])
    assert code_of(tmp_path / "m.npz") == "E-DATA-012"


def test_an_archive_that_claims_more_than_it_holds_is_refused_before_it_is_unpacked(tmp_path):
    head = io.BytesIO()
    form = {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**3, 10**3)}
    np.lib.format.write_array_header_1_0(head, form)
    with zipfile.ZipFile(tmp_path / "m.npz", "w") as archive:
        archive.writestr("train_images.npy", head.getvalue() + b"\0" * 100)
        archive.writestr("train_labels.npy", b"")
    assert code_of(tmp_path / "m.npz") == "E-DATA-012"
    (tmp_path / "n.npz").write_bytes(b"PK\x03\x04 but no more")
    assert code_of(tmp_path / "n.npz") == "E-DATA-012"


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path):
    many = np.zeros((200_000, 28, 28), np.uint8)
    np.savez_compressed(tmp_path / "m.npz", train_images=many, train_labels=np.zeros(200_000, int))
    assert code_of(tmp_path / "m.npz") == "E-DATA-017"


def test_records_of_bytes_and_path_become_one_column_of_bytes(tmp_path):
    cells = [{"bytes": png(), "path": "a.png"}, None, {"bytes": png(), "path": None}]
    pl.DataFrame({"picture": cells, "label": [0, 1, 0]}).write_parquet(tmp_path / "d.parquet")
    table = read(tmp_path / "d.parquet")
    assert table.frame["picture"].to_list() == [cells[0]["bytes"], None, cells[2]["bytes"]]
    assert kinds(table)["picture"] == Kind.IMAGE


def test_records_without_bytes_become_paths_from_the_table_on(tmp_path):
    put(tmp_path, "a.png", "b.png")
    paths = pl.Series([{"bytes": None, "path": name} for name in ("a.png", "b.png")] * 2)
    typed = paths.cast(pl.Struct({"bytes": pl.Binary, "path": pl.String}))
    pl.DataFrame({"picture": typed, "y": [1, 2, 3, 4]}).write_parquet(tmp_path / "d.parquet")
    assert read(tmp_path / "d.parquet").frame["picture"][1] == str(tmp_path / "b.png")


def test_relative_paths_in_a_table_start_at_its_file(tmp_path, monkeypatch):
    put(tmp_path / "data", "pictures/a.png", "pictures/b.png")
    table = tmp_path / "data" / "t.csv"
    far = os.fspath(tmp_path / "far.png")
    table.write_text(f"photo,y\npictures/a.png,1\n pictures/b.png,2\n,3\n{far},4\n")
    monkeypatch.chdir(tmp_path)
    found = read("data/t.csv")
    begin = f"{tmp_path}/data/pictures"
    assert found.frame["photo"].to_list() == [f"{begin}/a.png", f"{begin}/b.png", None, far]
    assert kinds(found)["photo"] == Kind.IMAGE


def test_names_of_files_that_are_not_there_stay_and_are_not_used(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("photo,y\na.png,1\nhttps://x.org/b.png,2\n")
    found = read(table)
    assert found.frame["photo"].to_list() == ["a.png", "https://x.org/b.png"]
    frame = pl.DataFrame({"photo": ["a.png", "b.png"] * 5, "x": DIGITS.normal(size=10)})
    schema = infer(read(frame), Roles())
    assert (schema["photo"].kind, schema["photo"].used) == (Kind.IMAGE, False)
    assert [notice.code for notice in schema.notices] == ["W-KIND-020"]


def test_bytes_that_begin_as_media_do_are_told_by_it():
    rows = 10
    cells = {
        "tiff": [b"II*\0" + bytes([n]) * 9 for n in range(rows)],
        "webp": [b"RIFF\1\2\3\4WEBPVP8 %d" % n for n in range(rows)],
        "dicom": [bytes([n]) + b"\0" * 127 + b"DICM" for n in range(rows)],
        "wave": [b"RIFF\1\2\3\4WAVEfmt %d" % n for n in range(rows)],
        "mp3": [b"ID3\4%d" % n for n in range(rows)],
        "other": [b"\1\2%d" % n for n in range(rows)],
    }
    found = kinds(read(pl.DataFrame(cells).with_columns(x=DIGITS.normal(size=rows))))
    wanted = {"tiff": "image", "webp": "image", "dicom": "image", "wave": "audio", "mp3": "audio"}
    assert found == wanted | {"other": "nested", "x": "number"}
