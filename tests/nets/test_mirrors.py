"""Mirrors are allowed where a net that never saw any does not mind them."""

import pytest

from deeplode.nets.imagebranch import ImageShape
from deeplode.nets.mirrors import BASE, Pilot, with_mirrors

SHAPE = ImageShape(1, 28, 28, base=32, blocks=3, flip=True)


@pytest.mark.parametrize(
    ("pilot", "flip"),
    [
        (Pilot(plain=1.0, mirrored=1.01, trivial=2.3), True),
        (Pilot(plain=1.0, mirrored=0.9, trivial=2.3), True),
        (Pilot(plain=0.2, mirrored=1.9, trivial=2.3), False),
        (Pilot(plain=0.2, mirrored=0.4, trivial=2.3), False),
        (Pilot(plain=2.29, mirrored=2.29, trivial=2.3), False),  # it learned nothing
        (Pilot(plain=float("nan"), mirrored=1.0, trivial=2.3), False),
    ],
)
def test_mirrors_are_used_only_where_they_cost_the_pilot_next_to_nothing(pilot, flip):
    asked = []

    def try_out(shape: ImageShape) -> Pilot:
        asked.append(shape)
        return pilot

    assert with_mirrors(SHAPE, try_out).flip is flip
    (shape,) = asked
    assert (shape.flip, shape.base, shape.blocks) == (False, BASE, 1)
