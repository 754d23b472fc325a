"""Work ahead of its use: in order, bounded, and over when the caller is."""

from __future__ import annotations

import threading
import time
import weakref

import pytest

from ksdiff_engine.ahead import ahead


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_order(threads):
    assert list(ahead(lambda n: n * n, range(20), threads)) == [n * n for n in range(20)]
    assert list(ahead(str, [])) == []


def test_no_more_is_begun_than_there_are_threads_and_one_that_waits():
    begun = []
    results = ahead(lambda n: begun.append(n) or n, range(100), 2)
    assert next(results) == 0
    results.close()
    assert len(begun) <= 4


def test_the_next_is_made_while_one_is_used():
    second = threading.Event()
    results = ahead(lambda n: second.set() if n else None, range(2))
    next(results)
    assert second.wait(timeout=30)
    results.close()


def test_every_thread_begins_with_what_it_must_do_first():
    own = threading.local()

    def begin():
        own.ready = True

    assert list(ahead(lambda n: own.ready, range(8), 3, begin)) == [True] * 8


def test_an_error_comes_in_its_place():
    results = ahead(lambda n: 1 // (n - 2), range(5))
    assert [next(results), next(results)] == [-1, -1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_result_is_let_go_before_the_next_one_is_waited_for():
    class Image:
        pass

    given: list[weakref.ref] = []

    def make(number):
        if number == 0:
            return Image()
        end = time.monotonic() + 10
        while time.monotonic() < end and not (given and given[0]() is None):
            time.sleep(0.001)
        return given[0]() is None

    results = ahead(make, range(2))
    given.append(weakref.ref(next(results)))
    assert next(results) is True
