"""Time, interruption, threads and settings: what a run may use and how it ends early."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from deeplode import runtime
from deeplode.errors import OptionError
from deeplode.runtime import Budget


def test_a_budget_without_limits_never_stops() -> None:
    budget = Budget.begin()
    assert budget.stop() is None
    assert budget.left() == float("inf")
    assert budget.memory_limit is None


def test_a_budget_stops_at_its_deadline_and_its_parts_stop_earlier() -> None:
    budget = Budget.begin(seconds=1000)
    assert budget.stop() is None
    assert 0 < budget.until(500).left() <= 500
    assert budget.until(1001).stop() == "time"
    assert budget.until(1001).left() == 0


def test_asking_one_budget_to_stop_reaches_all_its_parts_and_no_other() -> None:
    budget, other = Budget.begin(seconds=1000), Budget.begin(seconds=1000)
    part = budget.until(10).until(10)
    part.ask_to_stop("memory")
    assert budget.stop() == part.stop() == "memory"
    assert other.stop() is None


def test_the_user_is_heard_over_the_memory_watch() -> None:
    budget = Budget.begin()
    budget.ask_to_stop("interrupt")
    budget.ask_to_stop("memory")
    assert budget.stop() == "interrupt"


def run(program: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a real process that runs ``program`` as a script."""
    command = [sys.executable, "-c", textwrap.dedent(program), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_time_counts_from_the_start_of_the_process_not_from_the_first_line() -> None:
    program = """
        import time
        time.sleep(0.7)  # stands for imports
        from deeplode.runtime import Budget
        budget = Budget.begin(seconds=100, whole_process=True)
        print(budget.spent(), budget.left())
    """
    spent, left = map(float, run(program).communicate()[0].split())
    assert 0.7 <= spent < 60
    assert spent + left == pytest.approx(100, abs=0.1)


# A toy of every long piece of work: steps, each followed by the question whether to stop.
LOOP = """
    import os, signal, sys, time
    from deeplode.runtime import Budget, interruptible
    signal.signal(signal.SIGINT, signal.default_int_handler)  # even when the tests run unheard
    budget = Budget.begin()
    with interruptible(budget, lambda: os.write(1, b"saving\\n")):  # whole lines from two threads
        os.write(1, b"ready\\n")
        part = budget.until(5)
        while part.stop() is None:
            time.sleep(0.01)
        os.write(1, part.stop().encode() + b"\\n")
        if "slow" in sys.argv:
            time.sleep(100)
    sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_lets_the_work_hand_over_its_best(number: signal.Signals) -> None:
    process = run(LOOP)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, errors = process.communicate(timeout=30)
    assert sorted(out.split()) == ["interrupt", "saving"]
    assert process.returncode == 130
    assert errors == ""


def test_a_second_signal_ends_at_once_without_a_traceback() -> None:
    process = run(LOOP, "slow")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert {process.stdout.readline(), process.stdout.readline()} == {"saving\n", "interrupt\n"}
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == ""


def test_two_signals_end_even_compiled_code_that_never_returns_to_python(
    tmp_path: Path,
) -> None:
    program = """
        import signal, sys, torch
        from deeplode.output import replacing
        from deeplode.runtime import Budget, interruptible
        signal.signal(signal.SIGINT, signal.default_int_handler)
        large = torch.ones(6000, 6000, dtype=torch.float64)
        with interruptible(Budget.begin(), lambda: print("heard", flush=True)):
            with replacing(sys.argv[1]) as file:
                print("ready", flush=True)
                torch.linalg.svd(large)  # minutes
    """
    process = run(program, str(tmp_path / "model.lode"))
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "heard\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []


def test_signals_are_given_back_to_their_handlers() -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    with runtime.interruptible(Budget.begin()):
        pass
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before
    assert signal.set_wakeup_fd(-1) == -1


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    seen = []

    def work() -> None:
        with runtime.interruptible(Budget.begin()):
            seen.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def computes_with_denormals() -> bool:
    return bool(np.float32(1e-40) * np.float32(1) > 0)


def test_settings_hold_inside_and_are_set_back_after_even_when_the_work_fails() -> None:
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()

    def fail_inside() -> None:
        with runtime.configured(threads=1, seed=3):
            assert torch.get_num_threads() == 1
            assert torch.are_deterministic_algorithms_enabled()
            assert not computes_with_denormals()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_inside()
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert computes_with_denormals()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_seed_decides_torchs_random_numbers_inside() -> None:
    drawn = []
    for seed in (0, 0, 1):
        with runtime.configured(threads=1, seed=seed):
            drawn.append(torch.rand(3).tolist())
    assert drawn[0] == drawn[1] != drawn[2]


def test_threads_started_inside_drop_denormals_too() -> None:
    seen = []
    with runtime.configured(threads=1, seed=0):
        thread = threading.Thread(target=lambda: seen.append(computes_with_denormals()))
        thread.start()
        thread.join()
    assert seen == [False]


def test_sums_into_shared_rows_are_the_same_bits_each_time() -> None:
    generator = torch.Generator().manual_seed(0)
    index = torch.randint(0, 7, (200_000,), generator=generator)
    values = torch.randn(200_000, generator=generator)
    sums = []
    for _ in range(5):
        with runtime.configured(threads=2, seed=0):
            sums.append(torch.zeros(7).index_put((index,), values, accumulate=True))
    assert all(torch.equal(one, sums[0]) for one in sums)


def test_the_device_is_the_gpu_only_where_there_is_one() -> None:
    available = torch.cuda.is_available()
    assert runtime.choose_device("auto").type == ("cuda" if available else "cpu")
    assert runtime.choose_device("cpu").type == "cpu"
    if available:
        assert runtime.choose_device("cuda").type == "cuda"
    else:
        with pytest.raises(OptionError) as error:
            runtime.choose_device("cuda")
        assert error.value.code == "E-OPT-095"


@pytest.mark.alone
def test_the_age_of_the_process_grows_with_the_clock() -> None:
    first, then = runtime.process_age(), time.monotonic()
    time.sleep(0.05)
    assert runtime.process_age() - first == pytest.approx(time.monotonic() - then, abs=0.03)
