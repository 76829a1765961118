"""Folders of pretrained encoders: what is refused, with which code, and whose licence is found."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from deeplode.errors import OptionError
from deeplode.pretrained.folder import Folder
from deeplode.pretrained.image import read_image
from deeplode.pretrained.read import read
from deeplode.pretrained.text import read_text


def changed(folder: Path, **values: object) -> None:
    """Write other values into its config.json."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, **values}), "utf-8")


def only_a_pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def other_shape(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    name = "bert.encoder.layer.1.output.dense.bias"
    save_file({**tensors, name: tensors[name][:-1].clone()}, folder / "model.safetensors")


def a_layer_less(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    kept = {name: one for name, one in tensors.items() if "layer.0.attention.self" not in name}
    save_file(kept, folder / "model.safetensors")


def cut_off(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


def more_tokens(folder: Path) -> None:
    text = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    text["model"]["vocab"]["extra"] = 5_000
    (folder / "tokenizer.json").write_text(json.dumps(text), "utf-8")


REFUSED: list[tuple[str, str, Callable[[Path], object]]] = [
    ("no folder", "E-OPT-150", shutil.rmtree),
    ("no config", "E-OPT-150", lambda folder: (folder / "config.json").unlink()),
    ("no weights", "E-OPT-150", lambda folder: (folder / "model.safetensors").unlink()),
    ("no tokenizer", "E-OPT-150", lambda folder: (folder / "tokenizer.json").unlink()),
    ("a pickle", "E-OPT-151", only_a_pickle),
    ("code", "E-OPT-152", lambda folder: changed(folder, auto_map={"AutoModel": "m.Model"})),
    ("architecture", "E-OPT-153", lambda folder: changed(folder, model_type="llama")),
    ("heads", "E-OPT-154", lambda folder: changed(folder, num_attention_heads=5)),
    ("no JSON", "E-OPT-154", lambda folder: (folder / "config.json").write_text("{", "utf-8")),
    ("a list", "E-OPT-154", lambda folder: (folder / "config.json").write_text("[]", "utf-8")),
    ("tokens", "E-OPT-154", lambda folder: (folder / "tokenizer.json").write_text("{}", "utf-8")),
    ("more tokens", "E-OPT-154", more_tokens),
    ("a shape", "E-OPT-154", other_shape),
    ("a layer less", "E-OPT-154", a_layer_less),
    ("cut off", "E-OPT-154", cut_off),
]


@pytest.mark.parametrize(("what", "code", "change"), REFUSED, ids=[one[0] for one in REFUSED])
def test_a_folder_that_is_none_is_refused(
    bert: Path, tmp_path: Path, what: str, code: str, change: Callable[[Path], object]
) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(bert, folder)
    change(folder)
    with pytest.raises(OptionError) as caught:
        read_text(str(folder))
    assert caught.value.code == code
    assert str(folder) in caught.value.message()
    assert caught.value.hint()


def test_an_image_encoder_built_otherwise_than_its_name_says_is_refused(
    images: Path, tmp_path: Path
) -> None:
    for number, (code, values) in enumerate(
        [
            ("E-OPT-153", {"architecture": "efficientnet_b0"}),
            ("E-OPT-153", {"architecture": "hf_hub:someone/something"}),
            ("E-OPT-154", {"model_args": {"depth": 3}}),
            ("E-OPT-154", {"pretrained_cfg": {"input_size": [1, 64, 64]}}),
            ("E-OPT-154", {"pretrained_cfg": {}}),
            ("E-OPT-152", {"auto_map": {}}),
        ]
    ):
        folder = tmp_path / str(number)
        shutil.copytree(images, folder)
        changed(folder, **values)
        with pytest.raises(OptionError) as caught:
            read_image(str(folder))
        assert caught.value.code == code


def test_weights_that_no_model_file_could_hold_are_refused(
    bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deeplode.pretrained.read.MOST_BYTES", 1_000)
    with pytest.raises(OptionError) as caught:
        read(str(bert), None)
    assert caught.value.code == "E-OPT-156"


@pytest.mark.parametrize(
    ("files", "licence", "told"),
    [
        ({"README.md": "---\nlicense: mit\n---\n# A model"}, "mit", "README.md"),
        (
            {"README.md": "---\nlicense: other\nlicense_name: cc-by\n---\n"},
            "other cc-by",
            "README.md",
        ),
        ({"README.md": "# no head\nlicense: mit"}, "bsd", "config.json"),
        ({"LICENSE": "\n  Apache License\nVersion 2.0"}, "Apache License", "LICENSE"),
        ({}, "bsd", "config.json"),
    ],
)
def test_the_licence_is_found_where_people_write_it(
    tmp_path: Path, files: dict[str, str], licence: str, told: str
) -> None:
    (tmp_path / "config.json").write_text('{"pretrained_cfg": {"license": "bsd"}}', "utf-8")
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    origin = Folder("image_encoder", tmp_path).origin
    assert (origin.licence, origin.told) == (licence, told)


def test_where_no_licence_is_found_none_is_made_up(tmp_path: Path) -> None:
    place = tmp_path / "models--someone--small-model" / "snapshots" / "0123abcd"
    place.mkdir(parents=True)
    (place / "config.json").write_text("{}", "utf-8")
    origin = Folder("text_encoder", place).origin
    assert origin.to_json() == {"name": "someone/small-model", "licence": "", "told": ""}
