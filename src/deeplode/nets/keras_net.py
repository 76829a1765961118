"""KerasNet: a Keras 3 model on the torch backend, as a module like any other.

Keras is imported only by whoever holds one of its models already.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from deeplode.errors import OptionError

LINKS = ("sigmoid", "softmax")


def from_keras(thing: object) -> bool:
    """Whether an object is made by a class of Keras."""
    return any(base.__module__.partition(".")[0] == "keras" for base in type(thing).__mro__)


class KerasNet(nn.Module):
    """Calls a Keras model in training or inference mode, as the module itself is.

    Raises OptionError when Keras computes with something else than torch, or when what is given
    is no model.
    """

    def __init__(self, model: Any, name: str) -> None:
        super().__init__()
        import keras

        backend = keras.backend.backend()
        if backend != "torch":
            raise OptionError("E-OPT-138", net=name, backend=backend)
        if not isinstance(model, keras.Model):
            raise OptionError("E-OPT-130", got=type(model).__name__)
        self.held = (model,)  # no submodule: Keras names its weights anew in each copy

    @property
    def model(self) -> Any:
        """The Keras model."""
        return self.held[0]

    def forward(self, rows: Tensor) -> Any:
        """What the model returns. rows: (rows, inputs) float32."""
        import keras

        with keras.device("cpu"):
            return self.model(rows, training=self.training)

    def again(self, name: str) -> KerasNet:
        """A new model of the same architecture, its weights drawn anew.

        Raises OptionError when the model does not say how it is built.
        """
        import keras

        try:
            with keras.device("cpu"):
                return KerasNet(keras.models.clone_model(self.model), name)
        except (TypeError, ValueError, NotImplementedError) as error:
            why = str(error).strip().partition("\n")[0][:300]
            raise OptionError("E-OPT-139", net=name, error=why) from error

    def tensors(self) -> list[tuple[str, Tensor]]:
        """All variables, those of random numbers too, in the order that Keras keeps."""
        return [(variable.name, variable.value) for variable in self.model.variables]

    def last(self) -> Any:
        """The layer whose activation makes the output, as far as one can tell; or None."""
        outputs = getattr(self.model, "outputs", None)
        if outputs and hasattr(self.model, "operations"):
            return outputs[0]._keras_history.operation
        layers = self.model.layers
        return layers[-1] if layers else None

    @torch.no_grad()
    def strip(self, rows: Tensor) -> str | None:
        """Take a sigmoid or softmax off the output.

        Returns its name, or None where the model ends otherwise. rows: some, to try it on.
        """
        import keras

        layer = self.last()
        activation = getattr(layer, "activation", None)
        link = getattr(activation, "__name__", "")
        if link not in LINKS:
            return None
        before = self(rows)
        layer.activation = keras.activations.linear
        if same(self(rows), before, link):
            return link
        layer.activation = activation
        return None


def same(scores: Any, before: Any, link: str) -> bool:
    """Whether ``link`` of the scores is what came before, (rows, outputs) both."""
    if not (isinstance(scores, Tensor) and isinstance(before, Tensor)):
        return False
    made = scores.sigmoid() if link == "sigmoid" else scores.softmax(-1)
    return made.shape == before.shape and torch.allclose(made, before, 1e-3, 1e-5)
