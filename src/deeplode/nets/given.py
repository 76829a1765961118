"""Given: a net that a user brought, in any of its forms, and how its members are made."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from deeplode.errors import DeeplodeError, OptionError
from deeplode.nets.keras_net import KerasNet, from_keras, same
from deeplode.nets.own import call
from deeplode.nets.pieces import pieces
from deeplode.runtime import seeded

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_LAST = {nn.Sigmoid: "sigmoid", nn.Softmax: "softmax"}


@dataclass(frozen=True)
class Given:
    """A net and the name under which a model file remembers it.

    net: a factory of modules or of Keras models, a module, or a Keras model.
    """

    name: str
    net: Any

    @classmethod
    def of(cls, net: Any) -> Given:
        """From ``net`` or ``(name, net)``. Raises OptionError for what is no net."""
        name = None
        if isinstance(net, tuple | list) and len(net) == 2:
            name, net = net
        if not callable(net):
            raise OptionError("E-OPT-130", got=type(net).__name__)
        if name is None:
            own = getattr(net, "__name__", None) or type(net).__name__
            name = str(own).strip("<>")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise OptionError("E-OPT-131", got=name)
        return cls(name, net)

    def build(self, inputs: int, outputs: int, seed: int) -> nn.Module:
        """One member, its weights drawn from ``seed``.

        A factory's weights stay as it made them; those of a module or a Keras model are drawn anew
        by the ``reset_parameters`` of its parts, and kept where there is none.
        Raises OptionError when it cannot be built or is no net.
        """
        with seeded(seed):
            if from_keras(self.net):
                return KerasNet(self.net, self.name).again(self.name)
            if isinstance(self.net, nn.Module):
                return _redrawn(self.net)
            made = _made(self.net, self.name, inputs, outputs)
        if from_keras(made):
            return KerasNet(made, self.name)
        if not isinstance(made, nn.Module):
            raise OptionError("E-OPT-132", net=self.name, got=type(made).__name__)
        return made

    def member(self, rows: Tensor, outputs: int, seed: int) -> nn.Module:
        """One member, complete: what it makes at its first call is made.

        rows: some training rows, (rows, inputs) float32. Raises OptionError when it returns the
        wrong shape or has nothing to train.
        """
        module = self.build(rows.shape[1], outputs, seed)
        if not isinstance(module, KerasNet):  # whose weights are made by the first call
            self._check_trained(module)
        with seeded(seed), torch.no_grad():
            call(module.train(False), rows, outputs, self.name)
        self._check_trained(module)
        return module

    def _check_trained(self, module: nn.Module) -> None:
        if not pieces(module).trained:
            raise OptionError("E-OPT-133", net=self.name)


def _made(net: Callable[..., Any], name: str, inputs: int, outputs: int) -> Any:
    """What a factory makes."""
    sizes = (inputs, outputs) if _takes_sizes(net, name) else ()
    try:
        return net(*sizes)
    except DeeplodeError:
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {str(error)[:500]}"
        raise OptionError("E-OPT-137", net=name, call=_call(name, sizes), error=why) from error


def _call(name: str, sizes: tuple[int, ...]) -> str:
    return f"{name}({', '.join(map(str, sizes))})"


def _takes_sizes(net: Callable[..., Any], name: str) -> bool:
    """Whether a factory wants n_inputs and n_outputs rather than nothing."""
    try:
        parameters = list(inspect.signature(net).parameters.values())
    except (TypeError, ValueError):  # written in C: there is nothing to look at
        return True
    places = [
        one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    needed = [one for one in places if one.default is one.empty]
    others = [
        one for one in parameters if one.kind == one.KEYWORD_ONLY and one.default is one.empty
    ]
    named = [one.name for one in places[:2]] == ["n_inputs", "n_outputs"]
    if others or len(needed) not in (0, 2):
        wanted = [one.name for one in (*needed, *others)]
        raise OptionError("E-OPT-140", net=name, got=", ".join(wanted))
    return len(needed) == 2 or named or any(one.kind == one.VAR_POSITIONAL for one in parameters)


def _redrawn(net: nn.Module) -> nn.Module:
    """A copy, drawn anew from torch's random numbers; parts before what they are part of."""
    module = copy.deepcopy(net)
    for part in reversed(list(module.modules())):
        reset = getattr(part, "reset_parameters", None) or getattr(part, "_reset_parameters", None)
        if callable(reset):
            reset()
    return module


@torch.no_grad()
def strip(module: nn.Module, rows: Tensor) -> str | None:
    """Take a sigmoid or softmax off the end of a module in place; returns its name, or None.

    rows: some, (rows, inputs): what comes out of it with the activation put back must be the same.
    """
    if isinstance(module, KerasNet):
        return module.strip(rows)
    path, last = list(module.named_modules())[-1]
    link = _LAST.get(type(last))
    if link is None or not path:
        return None
    above, _, key = path.rpartition(".")
    owner, before = module.get_submodule(above), module(rows)
    setattr(owner, key, nn.Identity())
    if same(module(rows), before, link):
        return link
    setattr(owner, key, last)
    return None


def draws(module: nn.Module, rows: Tensor, outputs: int, name: str) -> bool:
    """Whether a module takes torch's own random numbers in training; it stays as it was."""
    found = pieces(module)
    tensors = [one.tensor for one in (*found.trained, *found.fixed)]
    before = [tensor.detach().clone() for tensor in tensors]
    with seeded(0), torch.no_grad():
        start = torch.get_rng_state()
        call(module.train(), rows, outputs, name)
        changed = not torch.equal(start, torch.get_rng_state())
        for tensor, kept in zip(tensors, before, strict=True):
            tensor.copy_(kept)
    module.train(False)
    return changed or isinstance(module, KerasNet)
