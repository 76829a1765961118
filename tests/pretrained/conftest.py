"""Tiny folders of pretrained encoders for the tests beside it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).with_name("folders.py")


@pytest.fixture(scope="session")
def folders() -> ModuleType:
    """What makes such folders."""
    spec = importlib.util.spec_from_file_location("folders", HERE)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="session")
def bert(folders: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers."""
    pytest.importorskip("tokenizers", reason="needs deeplode[text]")
    made: Path = folders.text_folder(tmp_path_factory.mktemp("encoders") / "tiny-bert")
    return made


@pytest.fixture(scope="session", params=["test_resnet", "test_vit", "convnextv2_atto"])
def images(
    folders: ModuleType, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder as timm publishes it."""
    made: Path = folders.image_folder(
        tmp_path_factory.mktemp("encoders") / str(request.param), request.param
    )
    return made
