"""Work done ahead of its use, in threads, so that reading and computing overlap."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    threads: int = 1,
    begin: Callable[[], None] | None = None,
) -> Generator[Result, None, None]:
    """Yield ``function(item)`` for each item in order; `threads` results are made ahead.

    Of several threads, one that is done before its turn finds one more item waiting.
    begin: what each thread does first. An exception of `function` is raised where its result would
    have come. When the caller stops early, what has begun is waited for and nothing else
    begins; only Ctrl-C does not wait.
    """
    remaining = iter(items)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ahead", initializer=begin)
    pending: deque[Future[Result]] = deque()
    patient, waiting = True, threads + 1 if threads > 1 else 1
    try:
        pending.extend(pool.submit(function, item) for item in islice(remaining, waiting))
        while pending:
            result = pending.popleft().result()
            pending.extend(pool.submit(function, item) for item in islice(remaining, 1))
            yield result
            del result  # before the next one is waited for: it may be large
    except KeyboardInterrupt:
        patient = False
        raise
    finally:
        pool.shutdown(wait=patient, cancel_futures=True)
