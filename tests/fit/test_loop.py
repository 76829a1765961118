"""The training loop on a small real problem."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from deeplode.fit import loop
from deeplode.fit.loop import shuffled, train, validate
from deeplode.fit.optimizers import OPTIMIZERS, STYLES
from deeplode.fit.schedules import PLATEAU_FACTOR
from deeplode.fit.setback import factors
from deeplode.fit.state import Fold, Job, Rows, State
from deeplode.progress import silent
from deeplode.runtime import Budget, workers

SMALL = Path(__file__).with_name("small_job.py")
_spec = importlib.util.spec_from_file_location("small_job", SMALL)
assert _spec
assert _spec.loader
small = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(small)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Products this small are not worth a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def validation_losses(job: Job) -> torch.Tensor:
    with workers(1) as do:
        return validate(job, State.begin(job, 1), do)


def weights(job: Job) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in job.net.parameters()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_training_lowers_every_members_validation_loss_well_below_the_start() -> None:
    job = small.small_job(learning_rate=0.02, epochs=20)
    start = validation_losses(job)
    train(job, Budget(), silent)
    assert (validation_losses(job) < 0.5 * start).all()


def test_threads_share_the_members_and_change_nothing_but_rounding() -> None:
    alone, shared = small.small_job(dropout=0.3), small.small_job(dropout=0.3)
    train(alone, Budget(), silent)
    torch.set_num_threads(2)
    train(shared, Budget(), silent)
    for one, other in zip(weights(alone), weights(shared), strict=True):
        torch.testing.assert_close(one, other)


def test_same_seed_gives_the_same_bits() -> None:
    one, other = small.small_job(dropout=0.3), small.small_job(dropout=0.3)
    train(one, Budget(), silent)
    train(other, Budget(), silent)
    assert same(weights(one), weights(other))


def test_each_member_gets_the_weights_of_its_own_best_epoch_back() -> None:
    job = small.small_job(learning_rate=0.3, epochs=15, schedule="constant", batch_size=16)
    state = train(job, Budget(), silent)
    best = [min(losses) for losses in zip(*state.history.members, strict=True)]
    assert validation_losses(job).tolist() == pytest.approx(best, rel=1e-6)
    assert len(set(state.best_epoch.tolist())) > 1


def test_a_member_that_never_beats_the_start_keeps_the_start() -> None:
    job = small.small_job(learning_rate=1e4, optimizer="sgd", epochs=3)
    before = weights(job)
    train(job, Budget(), silent)
    assert same(weights(job), before)


def test_training_ends_when_no_member_improves_for_patience_epochs() -> None:
    job = small.small_job(learning_rate=0.0, epochs=50, patience=3)
    state = train(job, Budget(), silent)
    assert len(state.history) == 3


def test_every_epoch_is_told_with_losses_and_speed() -> None:
    heard: list[dict[str, Any]] = []
    train(small.small_job(epochs=3), Budget(), lambda event, **facts: heard.append(facts))
    assert [facts["epoch"] for facts in heard] == [1, 2, 3]
    assert {facts["epochs"] for facts in heard} == {3}
    keys = {"epoch", "epochs", "train_loss", "valid_loss", "seconds", "rows_per_second"}
    assert all(set(facts) == keys for facts in heard)


def test_an_epoch_shows_each_member_its_own_rows_once() -> None:
    folds = [
        Fold(torch.arange(10), torch.arange(10, 12)),
        Fold(torch.arange(2, 12), torch.arange(2)),
    ]
    order = shuffled(folds, 5, 2, torch.Generator().manual_seed(0))
    assert order.shape == (5, 2, 2)
    assert sorted(order[:, 0].flatten().tolist()) == list(range(10))
    assert sorted(order[:, 1].flatten().tolist()) == list(range(2, 12))


def test_rows_of_weight_zero_have_no_influence() -> None:
    job = small.small_job()
    spoilt = job.rows.target.clone()
    spoilt[::3] += 100.0
    weight = torch.ones(small.ROWS)
    weight[::3] = 0.0
    results = []
    for target in (job.rows.target, spoilt):
        one = small.small_job()
        one = replace(one, rows=Rows(one.rows.inputs, target, weight))
        train(one, Budget(), silent)
        results.append(weights(one))
    assert same(*results)


def test_l1_drives_weights_to_exact_zeros_and_without_it_there_are_none() -> None:
    zeros = []
    for l1 in (0.0, 0.5):
        job = small.small_job(l1=l1, schedule="constant", learning_rate=0.01)
        train(job, Budget(), silent)
        zeros.append(sum(int((weight == 0).sum()) for weight in weights(job)))
    assert zeros[0] == 0
    assert zeros[1] > 50


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_learns_in_both_styles(optimizer: str, style: str) -> None:
    rate = {"sgd": 0.05, "momentum": 0.05, "nesterov": 0.05, "adagrad": 0.05, "adadelta": 1.0}
    job = small.small_job(
        optimizer=optimizer,
        optimizer_style=style,
        learning_rate=rate.get(optimizer, 0.01),
        weight_decay=0.0,
        epochs=40 if optimizer == "adadelta" else 20,
    )
    start = validation_losses(job)
    train(job, Budget(), silent)
    assert (validation_losses(job) < 0.9 * start).all()


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_training_resumed_from_its_middle_ends_in_the_same_bits(
    optimizer: str, style: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = {
        "optimizer": optimizer,
        "optimizer_style": style,
        "learning_rate": 0.01,
        "epochs": 6,
        "schedule": "reduce_on_plateau",
        "dropout": 0.2,
        "accumulate": 2,
    }
    whole, cut, resumed = (small.small_job(**choices) for _ in range(3))
    train(whole, Budget(), silent)
    monkeypatch.setattr(loop, "SAVE_EVERY", -1.0)

    def stop(event: str, /, **facts: Any) -> None:
        if facts["epoch"] == 4:  # of which the checkpoint holds 3
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(cut, Budget(), stop, tmp_path)
    heard: list[int] = []
    train(resumed, Budget(), lambda event, **facts: heard.append(facts["epoch"]), tmp_path)
    assert heard == [4, 5, 6]
    assert same(weights(resumed), weights(whole))


def test_reduce_on_plateau_lowers_the_rate_of_a_training_that_stands_still() -> None:
    job = small.small_job(learning_rate=0.0, schedule="reduce_on_plateau", epochs=8)
    state = train(job, Budget(), silent)
    assert list(factors(state).values()) == pytest.approx([PLATEAU_FACTOR**2])


def test_input_noise_changes_training_alone_and_the_same_seed_draws_the_same() -> None:
    spread = torch.ones(1, small.COLUMNS)
    ends = []
    for amount in (0.0, 0.5, 0.5):
        job = replace(small.small_job(input_noise=amount), spread=spread)
        start = validation_losses(job)
        train(job, Budget(), silent)
        ends.append((start, weights(job)))
    assert torch.equal(ends[0][0], ends[1][0])
    assert same(ends[1][1], ends[2][1])
    assert not same(ends[0][1], ends[1][1])


def test_members_may_share_one_fold() -> None:
    job = small.small_job()
    job = replace(job, folds=(job.folds[0],) * 3)
    train(job, Budget(), silent)
    assert torch.isfinite(validation_losses(job)).all()


@pytest.mark.alone
def test_a_deadline_shortens_the_schedule_and_its_record_repeats_the_run() -> None:
    hurried = small.small_job(epochs=100_000, patience=100_000)
    began = time.monotonic()
    state = train(hurried, Budget(deadline=began + 0.5), silent)
    assert time.monotonic() - began < 3.0
    assert state.pace.over
    assert state.pace.step < 100_000
    repeated = small.small_job(epochs=100_000, patience=100_000, strides=tuple(state.pace.strides))
    again = train(repeated, Budget(), silent)
    assert again.pace.step == state.pace.step
    assert same(weights(hurried), weights(repeated))


def test_no_time_at_all_still_leaves_a_validated_net() -> None:
    job = small.small_job()
    state = train(job, Budget(deadline=time.monotonic() - 1.0), silent)
    assert state.pace.step == 0
    assert torch.isfinite(state.best_loss).all()


def test_a_killed_training_resumes_to_the_same_bits(tmp_path: Path) -> None:
    victim = subprocess.Popen(
        [sys.executable, str(SMALL), str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert victim.stdout
    for line in victim.stdout:
        if int(line) == 5:
            victim.kill()
            break
    victim.wait()
    victim.stdout.close()
    resumed, undisturbed = (
        small.small_job(epochs=small.KILLED_EPOCHS),
        small.small_job(epochs=small.KILLED_EPOCHS),
    )
    heard: list[int] = []
    train(resumed, Budget(), lambda event, **facts: heard.append(facts["epoch"]), tmp_path)
    assert heard[0] > 4
    train(undisturbed, Budget(), silent)
    assert same(weights(resumed), weights(undisturbed))


def test_the_checkpoint_of_another_training_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SAVE_EVERY", -1.0)
    train(small.small_job(epochs=3), Budget(), silent, tmp_path)
    heard: list[int] = []
    job = small.small_job(epochs=3, dropout=0.4)
    train(job, Budget(), lambda event, **facts: heard.append(facts["epoch"]), tmp_path)
    assert heard == [1, 2, 3]


def test_a_broken_checkpoint_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "epochs.safetensors").write_bytes(
        b"\x10\x00\x00\x00\x00\x00\x00\x00{not json at all"
    )
    heard: list[int] = []
    train(
        small.small_job(epochs=2), Budget(), lambda event, **f: heard.append(f["epoch"]), tmp_path
    )
    assert heard == [1, 2]
