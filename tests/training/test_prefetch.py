"""Batches come in their order, whoever draws them."""

from __future__ import annotations

import multiprocessing
import threading
import time

import numpy as np
import pytest
import torch

from ksdiff_training.csv_log import append_row, read_rows
from ksdiff_training.data.prefetch import Prefetcher, can_fork


class Numbers:
    """A sampler whose batches are random numbers; it may be slow, or fail at one."""

    def __init__(self, seconds=0.0, fails_at=None):
        self.seconds, self.fails_at, self.drawn = seconds, fails_at, 0

    def batch(self, size, number):
        if number == self.fails_at:
            raise OSError("the disk is gone")
        time.sleep(self.seconds)
        self.drawn += 1
        rng = np.random.default_rng(number)
        return tuple(torch.from_numpy(rng.random(size)) for _ in range(3))


def firsts(batches):
    return [float(batch[0][0]) for batch in batches]


def plain(numbers):
    return firsts(Numbers().batch(4, number) for number in numbers)


WORKERS = [0, pytest.param(2, marks=pytest.mark.skipif(not can_fork(), reason="no fork here"))]


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("start", [0, 7])
def test_batches_are_those_that_the_sampler_gives_itself(workers, start):
    with Prefetcher(Numbers(), 4, start=start, workers=workers) as batches:
        taken = firsts(batches.take() for _ in range(20))
    assert taken == plain(range(start, start + 20))


@pytest.mark.skipif(not can_fork(), reason="no fork here")
def test_processes_draw_side_by_side():
    with Prefetcher(Numbers(seconds=0.2), 4, workers=2) as batches:
        started = time.monotonic()
        for _ in range(9):
            batches.take()
        assert time.monotonic() - started < 0.8 * 9 * 0.2


def test_processes_need_fork(monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    with pytest.raises(ValueError, match="fork"):
        Prefetcher(Numbers(), 4, workers=1)


def test_a_batch_that_is_ready_is_not_waited_for():
    sampler = Numbers(seconds=0.1)
    with Prefetcher(sampler, 4) as batches:
        batches.take()
        first = batches.waited
        assert first >= 0.08
        for taken in range(1, 6):
            while sampler.drawn < taken + 2:  # the next one is ready once another is drawn
                time.sleep(0.01)
            batches.take()
        assert batches.waited - first < 0.1


@pytest.mark.parametrize("workers", WORKERS)
def test_what_the_sampler_raises_reaches_the_one_who_takes(workers):
    with Prefetcher(Numbers(fails_at=2), 4, workers=workers) as batches:
        assert firsts([batches.take(), batches.take()]) == plain(range(2))
        with pytest.raises(OSError, match="the disk is gone"):
            batches.take()


@pytest.mark.parametrize("workers", WORKERS)
def test_no_thread_or_process_is_left_behind(workers):
    threads, processes = threading.active_count(), set(multiprocessing.active_children())
    with (
        pytest.raises(OSError, match="disk"),
        Prefetcher(Numbers(fails_at=0), 4, workers=workers) as batches,
    ):
        batches.take()
    with Prefetcher(Numbers(), 4, workers=workers):  # more are ready than are taken
        time.sleep(0.01)
    assert threading.active_count() == threads
    assert set(multiprocessing.active_children()) <= processes  # of other tests


def test_a_log_that_was_begun_with_fewer_columns_goes_on(tmp_path):
    path = tmp_path / "log.csv"
    append_row(path, {"step": 1, "loss": 2.0})
    append_row(path, {"step": 2, "waited": 0.1, "loss": 1.0})
    assert read_rows(path) == [{"step": "1", "loss": "2.0"}, {"step": "2", "loss": "1.0"}]
