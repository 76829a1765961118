"""bfloat16: whether this processor multiplies half-precision numbers faster than float32."""

from __future__ import annotations

from typing import Any

import torch

_MADE_FOR_IT = ("avx512_bf16", "amx_bf16", "arm_bf16")


def is_fast() -> bool:
    """Whether the processor has instructions for bfloat16; without them it is slower than float32.

    False where torch is too old to say.
    """
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) is True for name in _MADE_FOR_IT)
