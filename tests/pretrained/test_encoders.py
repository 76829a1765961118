"""Pretrained encoders: they compute what their makers' libraries compute, whoever is beside."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file

from deeplode import modelfile
from deeplode.data.schema import Roles, infer
from deeplode.data.table import Table
from deeplode.encode.embedding import EmbeddingEncoder, OutOfTimeError
from deeplode.encode.encoder import Encoder
from deeplode.errors import ModelFileError
from deeplode.memory import peak_memory
from deeplode.pretrained.image import ImageModel, read_image
from deeplode.pretrained.look import look_of_huggingface, look_of_timm
from deeplode.pretrained.read import RESTORE, digest
from deeplode.pretrained.text import TextModel, read_text
from deeplode.runtime import Budget
from deeplode.saved import restore
from deeplode.tasks.encoding import encoded

TEXTS = ["awful", "Great, lovely order 12", None, "slow", " ", "never again " * 40, "thanks"]

# What transformers 5.24 (BertModel, mean over tokens) and timm 1.0.31 (ResNet, VisionTransformer,
# ConvNeXt) compute with the same weights, brought to mean square 1: the first four numbers.
OF_TEXT = [-0.3531970, 0.6635039, 0.6607587, -0.8317068]
OF_IMAGE = {
    "test_resnet": [1.3956110, 0.4260516, 1.3961408, 0.9960393],
    "test_vit": [-0.8970724, -0.9100404, 0.5159274, -0.6302238],
    "convnextv2_atto": [-1.6198341, 1.1552256, 0.8322790, 0.0108048],
}


def silent(done: float) -> None:
    """Nobody watches."""


def pixels(count: int, side: int) -> np.ndarray:
    whole = np.arange(count * 3 * 64 * 64).reshape(count, 3, 64, 64) % 251
    return np.ascontiguousarray(whole[:, :, :side, :side].astype(np.uint8))


def test_a_text_becomes_what_transformers_makes_of_it(bert: Path) -> None:
    found = read_text(str(bert)).embed(TEXTS, silent)
    np.testing.assert_allclose(found[1, :4], OF_TEXT, atol=1e-5)


def test_an_image_becomes_what_timm_makes_of_it(images: Path) -> None:
    model = read_image(str(images))
    found = model.embed(pixels(1, model.look.side))
    np.testing.assert_allclose(found[0, :4], OF_IMAGE[images.name], atol=1e-5)


def test_a_text_becomes_the_same_to_the_last_bit_whoever_is_beside_it(bert: Path) -> None:
    model = read_text(str(bert))
    texts = [*TEXTS, *(f"order {at} was fast" for at in range(40))]
    whole = model.embed(texts, silent)
    assert np.isnan(whole[[2, 4]]).all()
    assert np.isfinite(np.delete(whole, [2, 4], 0)).all()
    order = np.random.default_rng(0).permutation(len(texts))
    np.testing.assert_array_equal(model.embed([texts[at] for at in order], silent), whole[order])
    for at in (0, 1, 5, 20):
        np.testing.assert_array_equal(model.embed([texts[at]], silent)[0], whole[at])


def test_an_image_becomes_the_same_to_the_last_bit_whoever_is_beside_it(images: Path) -> None:
    model = read_image(str(images))
    cells = pixels(7, model.look.side)
    whole = model.embed(cells)
    np.testing.assert_array_equal(model.embed(cells[::-1].copy()), whole[::-1])
    np.testing.assert_array_equal(model.embed(cells[3:4])[0], whole[3])


def test_what_is_written_of_an_encoder_is_that_encoder(bert: Path, images: Path) -> None:
    for model in (read_text(str(bert)), read_image(str(images))):
        facts = json.loads(json.dumps(model.to_json()))
        again = RESTORE[model.medium].restore(facts, model.arrays())
        assert digest(again) == digest(model)
        if isinstance(again, TextModel):
            assert isinstance(model, TextModel)
            np.testing.assert_array_equal(again.embed(TEXTS, silent), model.embed(TEXTS, silent))


JUNK: list[Any] = [None, -1, 0, 0.5, 10**9, 2**70, "x", [], {}, [[1] * 9], True, float("nan")]


def test_sizes_that_lie_are_refused_and_allocate_nothing(bert: Path, images: Path) -> None:
    for model in (read_text(str(bert)), read_image(str(images))):
        whole = model.to_json()
        told = [(part, name) for part in whole if isinstance(whole[part], dict)
                for name in whole[part]]  # fmt: skip
        for part, name in [*told, *((part, None) for part in whole)]:
            for junk in JUNK:
                facts = json.loads(json.dumps(whole))
                if name is None:
                    facts[part] = junk
                else:
                    facts[part][name] = junk
                try:
                    again = RESTORE[model.medium].restore(facts, model.arrays())
                    if isinstance(again, TextModel):
                        again.embed(["awful"], silent)
                except (KeyError, TypeError, ValueError, AttributeError):
                    continue


@pytest.mark.parametrize("change", ["absent", "more", "shape", "type"])
def test_weights_that_are_not_just_the_encoders_own_are_refused(images: Path, change: str) -> None:
    model = read_image(str(images))
    arrays = model.arrays()
    name = next(one for one in arrays if one.endswith("1.weight"))
    if change == "absent":
        del arrays[name]
    elif change == "more":
        arrays["other"] = arrays[name]
    elif change == "shape":
        arrays[name] = arrays[name][:-1]
    else:
        arrays[name] = arrays[name].astype(np.float64)
    with pytest.raises(ValueError, match=r"missing|belongs|not torch"):
        ImageModel.restore(model.to_json(), arrays)


FAMILIES = {
    "Roberta": {"pad_token_id": 1},
    "Electra": {"embedding_size": 16},
    "MPNet": {"pad_token_id": 1},
    "DistilBert": {},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_computes_what_transformers_computes(
    bert: Path, tmp_path: Path, family: str
) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    try:
        kind, make = (getattr(transformers, family + end) for end in ("Config", "Model"))
    except Exception as error:  # it imports whatever else is installed
        pytest.skip(f"transformers cannot be used here: {error}")
    sizes = {"vocab_size": 100, "hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 48,
             "num_attention_heads": 4, "max_position_embeddings": 64}  # fmt: skip
    if family == "DistilBert":
        sizes = {"vocab_size": 100, "dim": 32, "n_layers": 2, "hidden_dim": 48, "n_heads": 4,
                 "max_position_embeddings": 64}  # fmt: skip
    theirs = make(kind(**sizes, **FAMILIES[family])).train(False)
    theirs.save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes((bert / "tokenizer.json").read_bytes())
    model = read_text(str(tmp_path))
    ids = torch.tensor([model._ids("great lovely order 12 never again a lot of words")])
    with torch.inference_mode():
        mean = theirs(input_ids=ids).last_hidden_state.mean(1)
        own = model.net(ids, torch.ones_like(ids, dtype=torch.bool))
    torch.testing.assert_close(own, mean, atol=1e-5, rtol=1e-5)


HUGGING_FACE = {  # pieces of names of timm, and as Hugging Face calls them
    "cls_token": "embeddings.cls_token",
    "pos_embed": "embeddings.position_embeddings",
    "patch_embed.proj": "embeddings.patch_embeddings.projection",
    "blocks.": "encoder.layer.",
    ".norm1.": ".layernorm_before.",
    ".norm2.": ".layernorm_after.",
    ".attn.proj.": ".attention.output.dense.",
    ".mlp.fc1.": ".intermediate.dense.",
    ".mlp.fc2.": ".output.dense.",
}


def test_a_folder_of_hugging_face_is_read_as_that_of_timm(
    folders: ModuleType, tmp_path: Path
) -> None:
    timm = folders.image_folder(tmp_path / "timm", "test_vit")
    found = {}
    for name, tensor in load_file(timm / "model.safetensors").items():
        if name.startswith("head."):
            continue
        for piece, other in HUGGING_FACE.items():
            name = name.replace(piece, other)
        name = "layernorm." + name.removeprefix("norm.") if name.startswith("norm.") else name
        if ".attn.qkv." in name:
            for part, own in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                found[f"vit.{name.replace('attn.qkv', f'attention.attention.{part}')}"] = (
                    own.clone()
                )
        else:
            found[f"vit.{name}"] = tensor
    config = {"model_type": "vit", "num_attention_heads": 2, "layer_norm_eps": 1e-6}
    folder = folders.written(tmp_path / "vit", config, found)
    look = {"size": {"height": 48, "width": 48}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(look), "utf-8")
    cells = pixels(3, 48)
    expected = read_image(str(timm)).embed(cells)
    np.testing.assert_array_equal(read_image(str(folder)).embed(cells), expected)


def test_weights_of_16_bits_are_read(bert: Path, tmp_path: Path) -> None:
    shutil.copytree(bert, tmp_path / "half")
    tensors = load_file(bert / "model.safetensors")
    half = {name: one.to(torch.bfloat16) for name, one in tensors.items()}
    save_file(half, tmp_path / "half" / "model.safetensors")
    found = read_text(str(tmp_path / "half")).embed(TEXTS, silent)
    np.testing.assert_allclose(found[1, :4], OF_TEXT, atol=0.05)


def test_images_are_made_ready_as_the_folder_says() -> None:
    look = look_of_timm({"input_size": [3, 224, 224], "crop_pct": 0.9, "interpolation": "bicubic"})
    assert (look.side, look.shorter, look.way) == (224, 248, "bicubic")
    plain = {"size": {"height": 224, "width": 224}, "resample": 2, "image_mean": [0.5] * 3}
    look = look_of_huggingface(plain, 224)
    assert (look.side, look.shorter, look.mean) == (224, 0, (0.5, 0.5, 0.5))
    cut = {"size": {"shortest_edge": 256}, "do_center_crop": True,
           "crop_size": {"height": 224, "width": 224}, "resample": 3}  # fmt: skip
    look = look_of_huggingface(cut, 518)
    assert (look.side, look.shorter, look.way) == (224, 256, "bicubic")
    look = look_of_huggingface({"size": {"shortest_edge": 224}, "crop_pct": 0.875}, 224)
    assert (look.side, look.shorter) == (224, 256)


def table() -> Table:
    texts = [f"{'great' if at % 2 else 'awful'} order {at}, never again" for at in range(80)]
    return Table.of(pl.DataFrame({"review": texts, "good": [at % 2 for at in range(80)]}))


def test_a_column_has_our_own_encoder_and_the_pretrained_one(bert: Path) -> None:
    rows = table()
    encoder = Encoder.fit(rows, infer(rows, Roles("good")), {"text": read_text(str(bert))})
    assert [type(part).__name__ for part in encoder.parts] == ["TextEncoder", "EmbeddingEncoder"]
    batch = encoder.transform(rows).batch
    assert batch.numbers.shape == (80, 32)
    assert len(batch.media) == 1
    assert list(encoder.places["review"].numbers) == list(range(32))
    again = Encoder.from_json(json.loads(json.dumps(encoder.to_json())), encoder.arrays())
    torch.testing.assert_close(again.transform(rows).batch.numbers, batch.numbers, rtol=0, atol=0)


def test_where_time_is_too_short_the_model_is_made_without_and_says_so(
    bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, model = table(), read_text(str(bert))
    schema = infer(rows, Roles("good"))
    with pytest.raises(OutOfTimeError):
        EmbeddingEncoder("review", model).within(rows.frame["review"], Budget.begin(0.0))
    without = encoded(rows, schema, {"text": model}, 1.0, Budget.begin(0.0), None)
    assert not without.encoder.models
    assert [one.code for one in without.notices] == ["W-ENC-001"]
    assert "tiny-bert" in without.notices[0].message()
    made = encoded(rows, schema, {"text": model}, 1.0, Budget.begin(0.0), {"pretrained": ["text"]})
    assert list(made.encoder.models) == ["text"]  # an earlier run had time for it
    assert made.seconds > 0


def test_an_estimator_takes_the_folder_as_a_keyword(
    bert: Path, tmp_path: Path, folders: ModuleType
) -> None:
    from deeplode import Classifier, load

    folder = folders.text_folder(tmp_path / "mine")
    rows = table().frame
    model = Classifier(text_encoder=str(folder), epochs=1, members=1, threads=1)
    model.fit(rows.drop("good"), rows["good"].cast(pl.String))
    assert model.facts_["licences"][0]["licence"] == "apache-2.0"
    model.save(tmp_path / "model.lode")
    before = model.predict_proba(rows.drop("good"))
    for file in folder.iterdir():
        file.unlink()
    after = load(tmp_path / "model.lode").predict_proba(rows.drop("good"))
    np.testing.assert_array_equal(np.asarray(after), np.asarray(before))
    check_lies_are_refused(tmp_path / "model.lode")


LIES: dict[str, Callable[[dict[str, Any], dict[str, np.ndarray]], object]] = {
    "no encoder": lambda own, arrays: own.clear(),
    "another kind": lambda own, arrays: own.update(image=own["text"]),
    "no such kind": lambda own, arrays: own.update(sound=own["text"]),
    "more layers": lambda own, arrays: own["text"]["sizes"].update(layers=96),
    "wider": lambda own, arrays: own["text"]["sizes"].update(width=8_192, inner=32_768),
    "other heads": lambda own, arrays: own["text"]["sizes"].update(heads=8),
    "more facts": lambda own, arrays: own["text"]["sizes"].update(code="os.system"),
    "tokens of another": lambda own, arrays: own["text"].update(tokenizer="{}"),
    "no tokens": lambda own, arrays: own["text"].update(tokenizer=7),
    "longer texts": lambda own, arrays: own["text"].update(longest=10**6),
    "an array less": lambda own, arrays: arrays.pop("encoder.text.words.weight"),
    "other weights": lambda own, arrays: arrays.update(
        {"encoder.text.norm.bias": arrays["encoder.text.norm.bias"] + 1}
    ),
}


def check_lies_are_refused(path: Path) -> None:
    """A model file whose encoder is not what it says ends with exit 6, whatever is changed."""
    for what, lie in LIES.items():
        parts = modelfile.read(path)
        schema, arrays = json.loads(json.dumps(parts.schema)), dict(parts.arrays)
        lie(schema["encoder"]["pretrained"], arrays)
        other = path.with_name("lies.lode")
        about = {"verb": "train"}
        modelfile.write(other, about, schema, parts.card, arrays, parts.probe, force=True)
        before = peak_memory()
        with pytest.raises(ModelFileError):
            restore(other)
        assert peak_memory() - before < 300_000_000, what
