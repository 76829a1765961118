"""Optimizers in Keras 3's form of the rules, where it differs from torch's.

p: parameter, g: its gradient, lr: the learning rate of the step. Epsilon stands inside the root
(RMSprop, Adagrad, Adadelta) or is added before the bias of the second moment is taken off (Adam:
"epsilon hat"); momentum buffers hold the learning rate of their own step; the root of Adagrad
begins at 0.1. Source: keras/src/optimizers of Keras 3.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from deeplode.fit.ruled import Memory, kept

NADAM_DECAY = 0.96  # of NAdam's momentum schedule, a step


def sgd(p: Tensor, g: Tensor, memory: Memory, set_: dict[str, Any]) -> None:
    """m = momentum * m - lr * g; p += m, or with Nesterov p += momentum * m - lr * g."""
    lr, momentum = set_["lr"], set_["momentum"]
    if momentum == 0:
        p.sub_(lr * g)
        return
    m = kept(memory, "momentum", p).mul_(momentum).sub_(lr * g)
    p.add_(momentum * m - lr * g if set_["nesterov"] else m)


def rmsprop(p: Tensor, g: Tensor, memory: Memory, set_: dict[str, Any]) -> None:
    """v = rho * v + (1 - rho) g²; p -= lr * g / sqrt(v + eps).

    Centred: v less the square of the mean gradient. With momentum: m = momentum * m + that step.
    """
    lr, rho = set_["lr"], set_["rho"]
    v = kept(memory, "velocity", p).mul_(rho).add_((1 - rho) * g.square())
    spread = v
    if set_["centered"]:
        mean = kept(memory, "average_gradient", p).mul_(rho).add_((1 - rho) * g)
        spread = v - mean.square()
    move = lr * g / (spread + set_["eps"]).sqrt()
    if set_["momentum"] > 0:
        move = kept(memory, "momentum", p).mul_(set_["momentum"]).add_(move)
    p.sub_(move)


def adagrad(p: Tensor, g: Tensor, memory: Memory, set_: dict[str, Any]) -> None:
    """a += g², from 0.1 on; p -= lr * g / sqrt(a + eps)."""
    total = kept(memory, "accumulator", p, set_["initial"]).add_(g.square())
    p.sub_(set_["lr"] * g / (total + set_["eps"]).sqrt())


def adadelta(p: Tensor, g: Tensor, memory: Memory, set_: dict[str, Any]) -> None:
    """d = -sqrt(u + eps) / sqrt(v + eps) * g with running means v of g² and u of d²; p += lr d."""
    rho, eps = set_["rho"], set_["eps"]
    v = kept(memory, "accumulated_grad", p).mul_(rho).add_((1 - rho) * g.square())
    u = kept(memory, "accumulated_delta", p)
    move = -(u + eps).sqrt() * g / (v + eps).sqrt()
    u.mul_(rho).add_((1 - rho) * move.square())
    p.add_(set_["lr"] * move)


def _moments(p: Tensor, g: Tensor, memory: Memory, betas: tuple[float, float]) -> list[Tensor]:
    """Running means of g and of g²."""
    m, v = kept(memory, "momentum", p), kept(memory, "velocity", p)
    m.add_((1 - betas[0]) * (g - m))
    v.add_((1 - betas[1]) * (g.square() - v))
    return [m, v]


def adam(p: Tensor, g: Tensor, memory: Memory, set_: dict[str, Any]) -> None:
    """p -= lr * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + eps).

    AMSGrad: with the largest v so far instead.
    """
    (first, second), t = set_["betas"], int(memory["step"])
    m, v = _moments(p, g, memory, set_["betas"])
    if set_.get("amsgrad"):
        top = kept(memory, "velocity_hat", p)
        v = top.copy_(top.maximum(v))
    rate = set_["lr"] * (1 - second**t) ** 0.5 / (1 - first**t)
    p.sub_(rate * m / (v.sqrt() + set_["eps"]))


def nadam(p: Tensor, g: Tensor, memory: Memory, set_: dict[str, Any]) -> None:
    """Adam with Nesterov's look ahead and the momentum u_t = beta1 * (1 - 0.5 * 0.96^t)."""
    (first, second), t = set_["betas"], int(memory["step"])
    here, after = (first * (1 - 0.5 * NADAM_DECAY**s) for s in (t, t + 1))
    product = kept(memory, "u_product", memory["step"].to(p.dtype), 1.0).mul_(here)
    m, v = _moments(p, g, memory, set_["betas"])
    ahead = after * m / (1 - product * after) + (1 - here) * g / (1 - product)
    p.sub_(set_["lr"] * ahead / ((v / (1 - second**t)).sqrt() + set_["eps"]))


def adamax(p: Tensor, g: Tensor, memory: Memory, set_: dict[str, Any]) -> None:
    """u = max(beta2 * u, |g|); p -= lr * m / ((1 - beta1^t) (u + eps))."""
    (first, second), t = set_["betas"], int(memory["step"])
    m, u = kept(memory, "momentum", p), kept(memory, "norm", p)
    m.add_((1 - first) * (g - m))
    u.copy_((second * u).maximum(g.abs()))
    p.sub_(set_["lr"] * m / ((1 - first**t) * (u + set_["eps"])))
