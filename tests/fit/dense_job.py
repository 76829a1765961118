"""One small net for several libraries; run as a program, it is trained by Keras 3.

``python dense_job.py`` prints ``{case: weights after each step}`` as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import torch
from torch import Tensor

ROWS, COLUMNS, WIDTH, STEPS = 40, 3, 6, 50
RATES = {
    "sgd": 2**-4,
    "momentum": 2**-6,
    "nesterov": 2**-6,
    "adagrad": 2**-3,
    "adadelta": 1.0,
    "rmsprop_centered": 2**-9,
    "muon": 2**-6,
}
RATE = 2**-7  # of all others
DECAY, CLIP, L2, MAX_NORM = 2**-3, 2**-2, 2**-2, 0.75


def rows() -> tuple[Tensor, Tensor]:
    """Inputs (rows, columns) and target (rows,) in float64."""
    generator = torch.Generator().manual_seed(3)
    numbers = torch.randn(ROWS, COLUMNS, generator=generator, dtype=torch.float64)
    return numbers, 2 * numbers[:, 0].sin() + numbers[:, 1]


def weights() -> list[Tensor]:
    """Kernel and bias of a tanh layer and of the output layer."""
    generator = torch.Generator().manual_seed(4)
    shapes = [(COLUMNS, WIDTH), (WIDTH,), (WIDTH, 1), (1,)]
    return [0.5 * torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]


def keras_optimizers(keras: Any) -> dict[str, Any]:
    """Keras' own, with its published defaults."""
    known = keras.optimizers
    return {
        "sgd": (known.SGD, {}),
        "momentum": (known.SGD, {"momentum": 0.9}),
        "nesterov": (known.SGD, {"momentum": 0.9, "nesterov": True}),
        "adagrad": (known.Adagrad, {}),
        "adadelta": (known.Adadelta, {}),
        "rmsprop": (known.RMSprop, {}),
        "rmsprop_centered": (known.RMSprop, {"centered": True}),
        "rmsprop_momentum": (known.RMSprop, {"momentum": 0.9}),
        "adam": (known.Adam, {}),
        "amsgrad": (known.Adam, {"amsgrad": True}),
        "adamw": (known.AdamW, {"weight_decay": 0.0}),
        "nadam": (known.Nadam, {}),
        "adamax": (known.Adamax, {}),
        "muon": (known.Muon, {"adam_weight_decay": None}),
    }


def keras_path(keras: Any, make: Any, settings: dict[str, Any], **dense: Any) -> list[Any]:
    """Weights after each step of a compiled Sequential, all rows a batch."""
    layers = [
        keras.layers.Input((COLUMNS,)),
        keras.layers.Dense(WIDTH, "tanh", **dense),
        keras.layers.Dense(1, **dense),
    ]
    model = keras.Sequential(layers)
    model.set_weights([weight.numpy() for weight in weights()])
    model.compile(make(**settings), "mse")
    numbers, target = (part.numpy() for part in rows())
    found = []
    for _ in range(STEPS):
        model.train_on_batch(numbers, target[:, None])
        found.append([weight.tolist() for weight in model.get_weights()])
    return found


def main() -> None:
    """Train with every optimizer, and one of them with each regularizer."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras
    from keras.src.backend.common import dtypes

    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"  # else products are rounded to float32
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    found, known = {}, keras_optimizers(keras)
    for name, (make, settings) in known.items():
        own = {"learning_rate": RATES.get(name, RATE), "weight_decay": None, **settings}
        found[name] = keras_path(keras, make, own)
        decayed = {
            "weight_decay": DECAY,
            **({"adam_weight_decay": DECAY} if name == "muon" else {}),
        }
        found[f"{name} decayed"] = keras_path(keras, make, own | decayed)
    adam = {"learning_rate": RATE}
    found["clipped"] = keras_path(keras, known["adam"][0], {**adam, "global_clipnorm": CLIP})
    penalty = keras.regularizers.L2(L2 / 2)
    found["l2"] = keras_path(keras, known["adam"][0], adam, kernel_regularizer=penalty)
    bound = keras.constraints.MaxNorm(MAX_NORM, axis=0)
    found["max_norm"] = keras_path(keras, known["adam"][0], adam, kernel_constraint=bound)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
