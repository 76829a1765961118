"""Products of all members, by whichever library."""

from __future__ import annotations

import pytest
import torch

from deeplode.nets import products
from deeplode.nets.products import multiply, other_maker


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("sizes", [(256, 128, 96), (64, 700, 128), (8, 4, 2)])
def test_both_libraries_give_the_same_products_up_to_rounding(
    sizes: tuple[int, int, int], biased: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    n, k, m = sizes
    g = torch.Generator().manual_seed(0)
    wide = torch.randn(3, n, k + 16, generator=g)[..., :k]  # rows that do not lie close together
    b, bias = torch.randn(3, k, m, generator=g), torch.randn(3, 1, m, generator=g)
    dz = torch.randn(3, n, m, generator=g)
    found = []
    for asked in (other_maker(), False):
        monkeypatch.setattr(products, "other_maker", lambda asked=asked: asked)
        forward = multiply(wide, b, torch.empty(3, n, m), bias if biased else None)
        by_weight = multiply(wide.mT, dz, torch.empty(3, k, m))
        by_input = multiply(dz, b.mT, torch.empty(3, n, k))
        found.append((forward, by_weight, by_input))
    exact = torch.bmm(wide.double(), b.double()) + (bias.double() if biased else 0)
    torch.testing.assert_close(found[0][0].double(), exact, rtol=1e-4, atol=1e-3)
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)


def test_the_same_product_always_has_the_same_bits() -> None:
    a, b = torch.randn(2, 256, 128), torch.randn(2, 128, 256)
    one, other = (multiply(a, b, torch.empty(2, 256, 256)) for _ in range(2))
    assert torch.equal(one, other)
