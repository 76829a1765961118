"""Products: matrices of all members, multiplied by the library that is quickest here.

torch asks MKL for float32 products, which leaves AVX-512 unused on processors of other makers;
oneDNN, which is part of torch too, uses it and takes half the time there. Which one is asked
follows from processor and sizes alone, so that the same training always has the same bits.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import pad

# Floating-point operations below which a call of oneDNN costs more than it saves.
COSTLY = 3_000_000
WIDE = 16  # columns that a product of oneMKL comes in
LARGE = 4_000_000  # floating-point operations of one member's product, below which calls cost more


def multiply(a: Tensor, b: Tensor, out: Tensor, bias: Tensor | None = None) -> Tensor:
    """a @ b (+ bias) of every member, left in ``out``; no gradient is recorded.

    a: (members, n, k); b: (members, k, m); out: (members, n, m); bias: (members, 1, m).
    """
    if a.dtype == torch.float32 and 2 * a.shape[1] * b[0].numel() >= LARGE and other_maker():
        linear = torch.ops.mkldnn._linear_pointwise
        for member, room in enumerate(out):
            own = None if bias is None else bias[member, 0]
            room.copy_(linear(a[member], b[member].mT, own, "none", [], ""))
        return out
    if bias is None:
        return torch.bmm(a, b, out=out)
    return torch.baddbmm(bias, a, b, out=out)


@cache
def other_maker() -> bool:
    """Whether this is a processor with AVX-512 that is not Intel's, and torch can ask oneDNN."""
    there = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not (there and hasattr(torch.ops.mkldnn, "_linear_pointwise")):
        return False
    if not torch.backends.cpu.get_cpu_capability().startswith("AVX512"):
        return False
    try:
        facts = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return False
    maker = next((line for line in facts.splitlines() if line.startswith("vendor_id")), "")
    return maker != "" and "GenuineIntel" not in maker


def steady(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight + bias, with bits of a row that do not depend on its place among the rows.

    oneMKL computes the last rows of a product with few columns in another order than the first;
    with columns of zeros up to a multiple of 16 it does not, and oneDNN, whose calls cost more,
    never does. x: (rows, inputs), as many rows each time; weight: (inputs, outputs); bias:
    (outputs,). Where the same weight serves many products, ``filled`` beforehand saves its copies.
    """
    outputs = weight.shape[1]
    if 2 * len(x) * weight.numel() >= COSTLY and not torch.is_grad_enabled() and other_maker():
        linear = torch.ops.mkldnn._linear_pointwise
        found: Tensor = linear(x, weight.mT, bias, "none", [], "")
        return found
    if outputs % WIDE:
        weight = filled(weight, 1)
        bias = None if bias is None else filled(bias, 0)
    wide = x @ weight if bias is None else torch.addmm(bias, x, weight)
    return wide[:, :outputs]


def filled(x: Tensor, dim: int) -> Tensor:
    """x with zeros behind, up to a multiple of WIDE along a dimension: columns for ``steady``."""
    behind = (0, 0) * (x.ndim - 1 - dim)
    return pad(x, (*behind, 0, -x.shape[dim] % WIDE))
