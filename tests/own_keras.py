"""Keras models as nets of one's own. A program: Keras reads its backend when it is imported.

``python own_keras.py FOLDER`` prints one JSON object of what it saw.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_wine

from deeplode import Classifier, DeeplodeError, load

CHOICES: dict[str, Any] = {"members": 2, "epochs": 20, "threads": 1}


def facts(model: Classifier, metric: str) -> dict[str, Any]:
    """What the tests ask of a fitted model."""
    row = next(row for row in model.leaderboard_ if row["name"] == "net")
    config = model.facts_["training"]["config"]
    names = ("optimizer", "optimizer_style", "learning_rate", "schedule", "accumulate")
    return {
        "score": row["metrics"][metric]["value"],
        "codes": [notice.code for notice in model.notices_ if notice.code.startswith("W-NET")],
        "said": " ".join(notice.message() for notice in model.notices_),
        "config": {name: config[name] for name in names},
        "name": model.facts_["training"]["net"],
    }


def sequential(keras: Any, folder: Path) -> dict[str, Any]:
    """Dense layers with BatchNormalization and Dropout, compiled with Adam."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    layers = keras.layers
    net = keras.Sequential(
        [
            layers.Dense(24, "relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(1, "sigmoid"),
        ]
    )
    net.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])
    model = clone(Classifier(net=net, **CHOICES)).fit(X, y)
    again = Classifier(net=net, **CHOICES).fit(X, y)
    model.save(folder / "keras.lode")
    loaded = load(folder / "keras.lode", nets={"Sequential": net})
    weights = [own[0] for own in model.model_.candidates["net"].nets.tensors()]
    return {
        **facts(model, "roc_auc"),
        "same_seed_same_bits": again.predict_proba(X).equals(model.predict_proba(X)),
        "loaded_same_bits": loaded.predict_proba(X).equals(model.predict_proba(X)),
        "left_alone": not net.built and net.layers[-1].activation.__name__ == "sigmoid",
        "members_apart": not np.array_equal(weights[0], weights[1]),
    }


def functional(keras: Any) -> dict[str, Any]:
    """A functional model with softmax, and an optimizer with settings beside the point."""
    inputs = keras.Input((13,))
    hidden = keras.layers.Dense(16, "relu")(inputs)
    net = keras.Model(inputs, keras.layers.Dense(3, "softmax")(hidden))
    optimizer = keras.optimizers.SGD(
        0.05, momentum=0.9, nesterov=True, clipnorm=1.0, gradient_accumulation_steps=2
    )
    net.compile(optimizer, loss="sparse_categorical_crossentropy")
    model = Classifier(net=("three", net), members=2, batch_size=16)
    return facts(model.fit(*load_wine(return_X_y=True)), "accuracy")


def subclass(keras: Any) -> dict[str, Any]:
    """A class of models as its own factory, and one that ends in no probability."""

    class Two(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = keras.layers.Dense(16, "relu"), keras.layers.Dense(1)

        def call(self, rows: Any) -> Any:
            return self.two(self.one(rows))

    X, y = load_breast_cancer(return_X_y=True)
    found = facts(Classifier(net=Two, **CHOICES).fit(X, y), "roc_auc")
    try:
        Classifier(net=Two(), **CHOICES).fit(X, y)
    except DeeplodeError as error:
        found["instance"] = error.code
    return found


def compiled(keras: Any) -> dict[str, list[Any]]:
    """Learning rate and clipping that are taken over, and the settings that are not."""
    from deeplode.nets.keras_compiled import Compiled

    schedules, optimizers = keras.optimizers.schedules, keras.optimizers
    given = {
        "flat_decay": optimizers.Adam(schedules.ExponentialDecay(0.01, 100, 1.0)),
        "flat_cosine": optimizers.Adam(schedules.CosineDecay(0.01, 100, alpha=1.0)),
        "flat_pieces": optimizers.Adam(schedules.PiecewiseConstantDecay([5], [0.01, 0.01])),
        "decay": optimizers.Adam(schedules.ExponentialDecay(0.01, 100, 0.9)),
        "cosine": optimizers.Adam(schedules.CosineDecay(0.01, 100)),
        "pieces": optimizers.Adam(schedules.PiecewiseConstantDecay([5], [0.01, 0.001])),
        "clipnorm": optimizers.Adam(0.01, clipnorm=1.0),
        "clipvalue": optimizers.Adam(0.01, clipvalue=1.0),
        "global_clipnorm": optimizers.Adam(0.01, global_clipnorm=2.0),
    }
    found = {}
    for name, optimizer in given.items():
        net = keras.Sequential([keras.layers.Dense(1)])
        net.compile(optimizer, loss="mse")
        own = Compiled.of(net)
        rate, clip = own.choices.get("learning_rate"), own.choices.get("clip_norm")
        found[name] = [rate, clip, list(own.left)]
    return found


def refused(keras: Any) -> dict[str, str]:
    """Codes of what cannot be trained."""
    X, y = load_breast_cancer(return_X_y=True)
    nets = {
        "width": keras.Sequential([keras.Input((7,)), keras.layers.Dense(1)]),
        "shape": keras.Sequential([keras.layers.Dense(4)]),
        "no_weights": keras.Sequential([keras.layers.ReLU()]),
        "layer": keras.layers.Dense(1),
    }
    codes = {}
    for name, net in nets.items():
        try:
            Classifier(net=net, **CHOICES).fit(X, y)
        except DeeplodeError as error:
            codes[name] = error.code
    return codes


def main(folder: Path) -> None:
    """Everything, or the backend's error alone when it is not torch."""
    import keras

    if os.environ["KERAS_BACKEND"] != "torch":
        net = keras.Sequential([keras.layers.Dense(1)])
        try:
            Classifier(net=net, **CHOICES).fit(*load_breast_cancer(return_X_y=True))
        except DeeplodeError as error:
            sys.stdout.write(json.dumps({"backend": [error.code, str(error)]}))
        return
    found = {
        "sequential": sequential(keras, folder),
        "functional": functional(keras),
        "subclass": subclass(keras),
        "compiled": compiled(keras),
        "refused": refused(keras),
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
