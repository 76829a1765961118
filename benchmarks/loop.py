"""How fast a plain net trains: rows a second and share of what the machine's products reach.

    python benchmarks/loop.py
    python benchmarks/loop.py --batches 256 --widths 256 --engines deeplode-1,deeplode-4,torch

100 000 rows of 32 float32 columns, two classes, three hidden layers of ReLU, Adam, one epoch after
a short one that warms up; each engine in a process of its own, with as many threads as all others.
The peak is the fastest of several 2048 x 2048 float32 products in the same process. Rows times
members are counted: four nets that see a row each are four rows. An engine that is not installed
is skipped by name; give it an environment of its own and the same ``--cells``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from machine import header
from numpy.typing import NDArray
from tables import markdown

ROWS, COLUMNS, HIDDEN, WARM = 100_000, 32, 3, 5_000
Floats = NDArray[np.float32]
Engine = Callable[[Floats, Floats, int, int], float]  # rows, truth, batch, width -> seconds


def data(rows: int = ROWS) -> tuple[Floats, Floats]:
    """Rows of noise and a class that depends on some of their columns."""
    random = np.random.default_rng(0)
    features = random.standard_normal((rows, COLUMNS), dtype=np.float32)
    score = features[:, 0] * features[:, 1] + features[:, 2]
    return features, (score + random.standard_normal(rows) > 0).astype(np.float32)


def flops(width: int) -> int:
    """Floating-point operations of the products that one row needs, forward and backward."""
    return 6 * (COLUMNS * width + (HIDDEN - 1) * width * width + width) - 2 * COLUMNS * width


def timed(epoch: Callable[[int], object]) -> float:
    """Seconds of an epoch over all rows, after one over few. epoch: is told how many rows."""
    epoch(WARM)
    start = time.perf_counter()
    epoch(ROWS)
    return time.perf_counter() - start


def deeplode(members: int) -> Engine:
    """deeplode's own loop, with so many members."""

    def engine(features: Floats, truth: Floats, batch: int, width: int) -> float:
        import torch

        from deeplode.fit.config import FitConfig
        from deeplode.fit.loop import train
        from deeplode.fit.losses import BINARY
        from deeplode.fit.state import Fold, Job
        from deeplode.fit.state import Rows as JobRows
        from deeplode.nets.mlp import Mlp
        from deeplode.nets.shape import NetShape
        from deeplode.progress import silent
        from deeplode.runtime import Budget, configured

        rows = JobRows((torch.from_numpy(features),), torch.from_numpy(truth))
        shape = NetShape((width,) * HIDDEN, "relu", 1, members)
        config = FitConfig(
            hidden=shape.hidden, activation="relu", optimizer="adam", weight_decay=0.0,
            learning_rate=1e-3, schedule="constant", dropout=0.0, batch_size=batch, epochs=1,
        )  # fmt: skip

        def epoch(count: int) -> None:
            generator = torch.Generator().manual_seed(0)
            fold = Fold(torch.arange(count), torch.arange(256))
            net = Mlp(COLUMNS, shape, generator)
            job = Job(net, rows, (fold,) * members, BINARY, config, generator)
            train(job, Budget(), silent)

        with configured(torch.get_num_threads(), 0):
            return timed(epoch)

    return engine


def torch_plain(features: Floats, truth: Floats, batch: int, width: int) -> float:
    """PyTorch with tensors in memory, shuffled by index, and fused Adam."""
    import torch

    net = _torch_net(width)
    optimizer = torch.optim.Adam(net.parameters(), fused=True)
    rows, target = torch.from_numpy(features), torch.from_numpy(truth)

    def epoch(count: int) -> None:
        for index in torch.split(torch.randperm(count), batch):
            scores = net(rows[index]).squeeze(1)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, target[index])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()

    return timed(epoch)


def torch_loader(features: Floats, truth: Floats, batch: int, width: int) -> float:
    """PyTorch as its tutorials show it: TensorDataset, DataLoader, Adam."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    net = _torch_net(width)
    optimizer = torch.optim.Adam(net.parameters())
    rows, target = torch.from_numpy(features), torch.from_numpy(truth)

    def epoch(count: int) -> None:
        loader = DataLoader(TensorDataset(rows[:count], target[:count]), batch, shuffle=True)
        for some, wanted in loader:
            scores = net(some).squeeze(1)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, wanted)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    return timed(epoch)


def scikit_learn(features: Floats, truth: Floats, batch: int, width: int) -> float:
    """scikit-learn's MLPClassifier."""
    import warnings

    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore")

    def epoch(count: int) -> None:
        net = MLPClassifier((width,) * HIDDEN, batch_size=batch, max_iter=1)
        net.fit(features[:count], truth[:count])

    return timed(epoch)


def keras(backend: str) -> Engine:
    """Keras 3 with a backend."""

    def engine(features: Floats, truth: Floats, batch: int, width: int) -> float:
        os.environ["KERAS_BACKEND"] = backend
        import keras

        hidden = [keras.layers.Dense(width, "relu") for _ in range(HIDDEN)]
        net = keras.Sequential([keras.Input((COLUMNS,)), *hidden, keras.layers.Dense(1)])
        net.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))

        def epoch(count: int) -> None:
            net.fit(features[:count], truth[:count, None], batch, verbose=0)

        return timed(epoch)

    return engine


def skorch(features: Floats, truth: Floats, batch: int, width: int) -> float:
    """skorch's NeuralNetBinaryClassifier."""
    import torch
    from skorch import NeuralNetBinaryClassifier

    net = NeuralNetBinaryClassifier(
        _torch_net(width), optimizer=torch.optim.Adam, batch_size=batch, train_split=None,
        max_epochs=1, verbose=0, warm_start=True, iterator_train__shuffle=True,
    )  # fmt: skip

    def epoch(count: int) -> None:
        net.partial_fit(features[:count], truth[:count])

    return timed(epoch)


def lightning(features: Floats, truth: Floats, batch: int, width: int) -> float:
    """Lightning with a DataLoader."""
    import logging
    import warnings

    import lightning.pytorch as pl
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Module(pl.LightningModule):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.net = _torch_net(width)

        def training_step(self, rows: list[torch.Tensor], _: int) -> torch.Tensor:
            scores = self.net(rows[0]).squeeze(1)
            return torch.nn.functional.binary_cross_entropy_with_logits(scores, rows[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters())

    rows, target, module = torch.from_numpy(features), torch.from_numpy(truth), Module()

    def epoch(count: int) -> None:
        loader = DataLoader(TensorDataset(rows[:count], target[:count]), batch, shuffle=True)
        quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        pl.Trainer(
            max_epochs=1, accelerator="cpu", enable_model_summary=False, **quiet
        ).fit(module, loader)  # fmt: skip

    return timed(epoch)


def jax(features: Floats, truth: Floats, batch: int, width: int) -> float:
    """JAX: a whole epoch compiled, steps by scan, Adam by hand."""
    import jax
    from jax import numpy as jnp

    sizes = [COLUMNS, *(width,) * HIDDEN, 1]
    random = np.random.default_rng(0)
    weights = [
        (jnp.asarray(random.standard_normal((a, b), np.float32) * (2 / a) ** 0.5), jnp.zeros(b))
        for a, b in pairwise(sizes)
    ]

    def loss(net, rows, wanted):  # type: ignore[no-untyped-def]
        for weight, bias in net[:-1]:
            rows = jax.nn.relu(rows @ weight + bias)
        scores = (rows @ net[-1][0] + net[-1][1])[:, 0]
        return jnp.mean(jnp.logaddexp(0, scores) - wanted * scores)

    def step(carry, some):  # type: ignore[no-untyped-def]
        net, first, second, t = carry
        slopes = jax.grad(loss)(net, *some)
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, slopes)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, slopes)
        rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        moved = jax.tree.map(
            lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), net, first, second
        )
        return (moved, first, second, t + 1), 0.0

    run = jax.jit(lambda carry, rows, wanted: jax.lax.scan(step, carry, (rows, wanted))[0])
    zeros = jax.tree.map(jnp.zeros_like, weights)
    state = (weights, zeros, zeros, 1.0)

    def epoch(count: int) -> None:
        steps = ROWS // batch  # of one shape, so that it is compiled once
        index = np.random.default_rng(0).permutation(ROWS)[: steps * batch].reshape(steps, batch)
        rows, wanted = jnp.asarray(features[index]), jnp.asarray(truth[index])
        jax.block_until_ready(run(state, rows, wanted))

    return timed(epoch)


def _torch_net(width: int):  # type: ignore[no-untyped-def]
    import torch

    sizes = [COLUMNS, *(width,) * HIDDEN]
    layers: list[torch.nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(width, 1))


ENGINES: dict[str, tuple[Engine, int]] = {  # with how many nets are trained at once
    "deeplode, 1 member": (deeplode(1), 1),
    "deeplode, 4 members": (deeplode(4), 4),
    "deeplode, 8 members": (deeplode(8), 8),
    "PyTorch, in memory, fused Adam": (torch_plain, 1),
    "PyTorch, DataLoader": (torch_loader, 1),
    "scikit-learn MLPClassifier": (scikit_learn, 1),
    "Keras on TensorFlow": (keras("tensorflow"), 1),
    "Keras on torch": (keras("torch"), 1),
    "skorch": (skorch, 1),
    "Lightning": (lightning, 1),
    "JAX, jit and scan": (jax, 1),
}


def peak() -> float:
    """GFLOP/s of a large float32 product in this process."""
    import torch

    one, other = torch.rand(2048, 2048), torch.rand(2048, 2048)
    seconds = []
    for _ in range(8):
        start = time.perf_counter()
        one @ other
        seconds.append(time.perf_counter() - start)
    return 2 * 2048**3 / min(seconds) / 1e9


def measure(name: str, batch: int, width: int, threads: int) -> None:
    """One engine in this process; its figures as JSON on standard output."""
    import torch

    torch.set_num_threads(threads)
    engine, members = ENGINES[name]
    before = peak()
    seconds = engine(*data(), batch, width)
    rate = members * ROWS / seconds
    torch.set_num_threads(threads)
    top = max(before, peak())
    print(json.dumps({"rows": rate, "gflops": rate * flops(width) / 1e9, "peak": top}))


def ask(name: str, batch: int, width: int, threads: int) -> dict[str, float] | None:
    """The same in a process of its own; None where the engine is not installed."""
    told = [sys.executable, __file__, "--one", name, str(batch), str(width), str(threads)]
    quiet = {"OMP_NUM_THREADS": str(threads), "TF_CPP_MIN_LOG_LEVEL": "3", "XLA_FLAGS": ""}
    if "JAX" in name or "TensorFlow" in name:
        quiet["TF_NUM_INTRAOP_THREADS"] = str(threads)
    done = subprocess.run(told, capture_output=True, text=True, env=os.environ | quiet)
    if done.returncode and "ModuleNotFoundError" in done.stderr:
        return None
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def numbers(text: str) -> list[int]:
    """Whole numbers separated by commas."""
    return [int(one) for one in text.split(",")]


def main() -> None:
    """Run every engine at every batch and width, then print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batches", type=numbers, default=[256, 32, 1024])
    parser.add_argument("--widths", type=numbers, default=[256, 64, 512])
    parser.add_argument("--engines", default="", help="names or parts of names; default all")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--cells", type=Path, default=None, help="JSON file to keep figures in")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.one:
        measure(told.one[0], *map(int, told.one[1:]))
        return
    print(header() + "\n", flush=True)
    shapes = [(batch, 256) for batch in told.batches]
    shapes += [(256, width) for width in told.widths if width != 256]
    kept = json.loads(told.cells.read_text()) if told.cells and told.cells.exists() else {}
    for batch, width in shapes:
        for name in ENGINES:
            wanted = [one for one in told.engines.split(",") if one]
            if wanted and not any(one in name for one in wanted):
                continue
            found = ask(name, batch, width, told.threads)
            if found is None:
                print(f"{name}: skipped, not installed", flush=True)
                continue
            kept[f"{name}|{batch}|{width}"] = found
            if told.cells:
                told.cells.write_text(json.dumps(kept, indent=1))
    print(page(kept, shapes))


def page(kept: dict[str, dict[str, float]], shapes: list[tuple[int, int]]) -> str:
    """A table of each shape."""
    parts = []
    for batch, width in shapes:
        lines = []
        for name in ENGINES:
            found = kept.get(f"{name}|{batch}|{width}")
            if found:
                share = found["gflops"] / found["peak"]
                rows = f"{found['rows']:,.0f}".replace(",", " ")
                lines.append([name, rows, f"{found['gflops']:.0f}", f"{share:.0%}"])
        head = ["engine", "rows/s", "GFLOP/s", "share of peak"]
        parts.append(f"### Batch {batch}, width {width}\n\n{markdown(head, lines)}")
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
