"""Files are written whole or not at all, and never over another one unasked."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from deeplode import output
from deeplode.errors import DataError, OptionError

FRAME = pl.DataFrame({"id": ["a", "你"], "prediction": [0.1 + 0.2, None]})


def code_of(error: pytest.ExceptionInfo[OptionError]) -> str:
    assert error.value.exit_status == 2
    assert error.value.message("en")
    assert error.value.message("zh")
    return error.value.code


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_file_is_written_whole_with_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    path = tmp_path / "model.lode"
    (tmp_path / "plain").write_bytes(b"")
    output.write_bytes(path, b"abc")
    assert path.read_bytes() == b"abc"
    assert names(tmp_path) == ["model.lode", "plain"]
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_existing_file_is_kept_unless_force_is_given(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text("old")
    with pytest.raises(OptionError) as error:
        output.write_text(path, "new")
    assert code_of(error) == "E-OPT-080"
    assert path.read_text() == "old"
    output.write_text(path, "new", force=True)
    assert path.read_text() == "new"


def test_a_file_that_appears_while_another_is_written_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "model.lode"

    def write_slowly() -> None:
        with output.replacing(path) as file:
            file.write(b"ours")
            path.write_bytes(b"theirs")

    with pytest.raises(OptionError) as error:
        write_slowly()
    assert code_of(error) == "E-OPT-080"
    assert path.read_bytes() == b"theirs"
    assert names(tmp_path) == ["model.lode"]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    path = tmp_path / "model.lode"
    path.write_bytes(b"old")

    def write_half() -> None:
        with output.replacing(path, force=True) as file:
            file.write(b"half of the new")
            raise failure

    with pytest.raises(failure):
        write_half()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["model.lode"]


def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model.lode"
    path.write_bytes(b"old")
    program = """
        import os, signal, sys
        from deeplode import output
        with output.replacing(sys.argv[1], force=True) as file:
            file.write(b"half")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(program), path], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"


def test_unfinished_files_can_be_removed_before_a_hard_end(tmp_path: Path) -> None:
    with output.replacing(tmp_path / "model.lode") as file:
        file.write(b"half")
        assert len(names(tmp_path)) == 1
        output.remove_unfinished()
        assert names(tmp_path) == []
        output.write_bytes(tmp_path / "other", b"x")
        (tmp_path / "other").rename(file.name)  # something for the block to end well with


@pytest.mark.parametrize("place", ["absent/file", "file/below", "."])
def test_a_path_that_cannot_be_is_refused_before_any_work(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("here")
    with pytest.raises(OptionError) as error:
        output.check_file(tmp_path / place)
    expected = {"absent/file": "E-OPT-081", "file/below": "E-OPT-081", ".": "E-OPT-084"}
    assert code_of(error) == expected[place]
    assert (tmp_path / "file").read_text() == "here"


@pytest.mark.parametrize("name", ["x" * 300, "zero\0byte"])
def test_a_name_that_the_system_does_not_take_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionError) as error:
        output.check_file(tmp_path / name)
    assert code_of(error) == "E-OPT-082"


def test_the_longest_name_that_the_system_takes_can_be_written(tmp_path: Path) -> None:
    name = "名" * 83 + ".csv"  # 253 bytes
    output.write_bytes(tmp_path / name, b"x")
    assert names(tmp_path) == [name]


def test_a_device_is_never_replaced() -> None:
    with pytest.raises(OptionError) as error:
        output.write_bytes("/dev/null", b"x", force=True)
    assert code_of(error) == "E-OPT-085"
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    output.write_text(tmp_path / "link", "new", force=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that takes no files, whoever asks."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    if os.geteuid() != 0:
        folder.chmod(0o500)
        yield folder
        folder.chmod(0o700)
        return
    # Permissions do not hold the superuser back; a read-only mount does.
    mount = ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("the superuser may write anywhere here, and mounts are not allowed")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_folder_that_takes_no_files_is_refused_before_any_work(read_only: Path) -> None:
    with pytest.raises(OptionError) as error:
        output.check_file(read_only / "model.lode")
    assert code_of(error) == "E-OPT-082"
    with pytest.raises(OptionError) as error:
        output.make_folder(read_only)
    assert code_of(error) == "E-OPT-082"
    with pytest.raises(OptionError) as error:
        output.make_folder(read_only / "run")
    assert code_of(error) == "E-OPT-082"


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 1 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_named_and_the_old_file_survives(full_disk: Path) -> None:
    path = full_disk / "model.lode"
    output.write_bytes(path, b"old")
    with pytest.raises(OptionError) as error:
        output.write_bytes(path, bytes(3_000_000), force=True)
    assert code_of(error) == "E-OPT-083"
    assert path.read_bytes() == b"old"
    assert names(full_disk) == ["model.lode"]


@pytest.mark.parametrize("ending", output.TABLE_ENDINGS)
def test_a_disk_that_fills_up_under_a_table_is_named(full_disk: Path, ending: str) -> None:
    frame = pl.DataFrame({"id": pl.int_range(0, 400_000, eager=True).hash().cast(pl.String)})
    with pytest.raises(OptionError) as error:
        output.write_table(full_disk / f"predictions{ending}", frame)
    assert code_of(error) == "E-OPT-083"
    assert names(full_disk) == []


def test_a_file_that_grows_past_the_limit_of_the_process_is_refused(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        with pytest.raises(OptionError) as error:
            output.write_bytes(tmp_path / "model.lode", bytes(200_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert code_of(error) == "E-OPT-083"
    assert names(tmp_path) == []


def test_a_run_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    assert output.make_folder(tmp_path / "runs" / "first").is_dir()
    assert output.make_folder(tmp_path / "runs" / "first").is_dir()  # empty: taken as it is


def test_a_filled_folder_is_taken_only_with_force_and_keeps_its_files(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OptionError) as error:
        output.make_folder(tmp_path)
    assert code_of(error) == "E-OPT-087"
    output.make_folder(tmp_path, force=True)
    assert names(tmp_path) == ["notes.txt"]


def test_a_file_is_not_taken_for_a_run_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    for place in ("file", "file/below"):
        with pytest.raises(OptionError) as error:
            output.make_folder(tmp_path / place, force=True)
        assert code_of(error) in {"E-OPT-086", "E-OPT-082"}


def test_a_table_comes_back_from_csv_and_parquet_as_it_went_in(tmp_path: Path) -> None:
    output.write_table(tmp_path / "a.csv", FRAME)
    output.write_table(tmp_path / "A.PARQUET", FRAME)
    assert pl.read_csv(tmp_path / "a.csv").equals(FRAME)
    assert pl.read_parquet(tmp_path / "A.PARQUET").equals(FRAME)


@pytest.mark.parametrize("ending", output.TABLE_ENDINGS)
def test_parts_of_a_table_are_written_as_one_and_leave_nothing_when_one_fails(
    tmp_path: Path, ending: str
) -> None:
    whole, path = pl.concat([FRAME] * 3), tmp_path / f"a{ending}"
    assert output.write_parts(path, [FRAME] * 3) == (whole.height, FRAME.columns)
    read = pl.read_csv if ending == ".csv" else pl.read_parquet
    assert read(path).equals(whole)
    empty = tmp_path / f"empty{ending}"
    assert output.write_parts(empty, [FRAME.clear()]) == (0, FRAME.columns)
    assert read(empty).columns == FRAME.columns

    def broken() -> Iterator[pl.DataFrame]:
        yield FRAME
        raise DataError("E-DATA-207", items=3)

    with pytest.raises(DataError):
        output.write_parts(path, broken(), force=True)
    assert read(path).equals(whole)
    assert names(tmp_path) == [f"a{ending}", f"empty{ending}"]


@pytest.mark.parametrize("name", ["predictions.xlsx", "predictions", "predictions.csv.gz"])
def test_an_ending_that_names_no_table_format_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionError) as error:
        output.check_table_file(tmp_path / name)
    assert code_of(error) == "E-OPT-088"


def test_json_is_readable_and_takes_no_nan(tmp_path: Path) -> None:
    output.write_json(tmp_path / "result.json", {"名": 1.5})
    assert (tmp_path / "result.json").read_text("utf-8") == '{\n  "名": 1.5\n}\n'
    with pytest.raises(ValueError, match="JSON compliant"):
        output.write_json(tmp_path / "other.json", {"rmse": float("nan")})
    assert names(tmp_path) == ["result.json"]
