"""Batches come in their order, and the generator's state is that of the last one taken."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch

from ksdiff_training.csv_log import append_row, read_rows
from ksdiff_training.data.prefetch import AHEAD, Prefetcher


class Numbers:
    """A sampler whose batches are random numbers; it may be slow, or fail at one."""

    def __init__(self, seed=0, seconds=0.0, fails_at=None):
        self.rng = np.random.default_rng(seed)
        self.seconds, self.fails_at, self.drawn = seconds, fails_at, 0

    def batch(self, size):
        if self.drawn == self.fails_at:
            raise OSError("the disk is gone")
        time.sleep(self.seconds)
        self.drawn += 1
        return tuple(torch.from_numpy(self.rng.random(size)) for _ in range(3))


def firsts(batches):
    return [float(batch[0][0]) for batch in batches]


def plain(count, seed=0):
    sampler = Numbers(seed)
    return firsts(sampler.batch(4) for _ in range(count))


def test_batches_are_those_that_the_sampler_gives_itself():
    with Prefetcher(Numbers(), 4) as batches:
        taken = firsts(batches.take() for _ in range(20))
    assert taken == plain(20)


def test_the_state_is_that_of_the_last_batch_taken_not_of_those_drawn_ahead():
    sampler = Numbers()
    with Prefetcher(sampler, 4) as batches:
        start = batches.rng_state
        for _ in range(7):
            batches.take()
        while sampler.drawn < 7 + AHEAD:
            time.sleep(0.001)
        state = batches.rng_state
    for seen, passed in ((start, 0), (state, 7), (sampler.rng.bit_generator.state, 7)):
        again = Numbers(seed=1)
        again.rng.bit_generator.state = seen
        assert firsts([again.batch(4)]) == plain(passed + 1)[-1:]


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


def test_what_the_sampler_raises_reaches_the_one_who_takes():
    with Prefetcher(Numbers(fails_at=2), 4) as batches:
        assert firsts([batches.take(), batches.take()]) == plain(2)
        with pytest.raises(OSError, match="the disk is gone"):
            batches.take()


def test_no_thread_is_left_behind():
    before = threading.active_count()
    with pytest.raises(OSError, match="disk"), Prefetcher(Numbers(fails_at=0), 4) as batches:
        batches.take()
    with Prefetcher(Numbers(), 4):  # more are ready than are taken
        time.sleep(0.01)
    assert threading.active_count() == before


def test_a_log_that_was_begun_with_fewer_columns_goes_on(tmp_path):
    path = tmp_path / "log.csv"
    append_row(path, {"step": 1, "loss": 2.0})
    append_row(path, {"step": 2, "waited": 0.1, "loss": 1.0})
    assert read_rows(path) == [{"step": "1", "loss": "2.0"}, {"step": "2", "loss": "1.0"}]
