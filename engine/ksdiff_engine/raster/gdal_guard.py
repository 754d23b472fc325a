"""One way to hear of GDAL's failures, whatever the host process has chosen about exceptions."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from osgeo import gdal

logger = logging.getLogger(__name__)

# The engine hears failures in either mode, so that the advice to choose one is not for its users.
warnings.filterwarnings("ignore", r"Neither \w+\.UseExceptions\(\)", FutureWarning)


SMALLEST_CACHE, LARGEST_CACHE, CACHE_MARGIN = 96 << 20, 256 << 20, 45 << 20  # bytes


@contextmanager
def gdal_failures(also: str = "") -> Iterator[list[str]]:
    """Collect the failures GDAL reports inside the block; nothing is raised and nothing printed.

    A RuntimeError that GDAL's bindings raise ends the block and joins the list. Handler and
    exception mode belong to the calling thread and are restored, so QGIS or a script around the
    engine keeps its own settings. The caller judges by GDAL's return values and quotes the list;
    after writing, a list that is not empty is itself the failure, because flush and close return
    nothing.

    also: words by which a warning counts as a failure; none do when it is empty.
    """
    failures: list[str] = []

    def collect(level: int, number: int, text: str) -> None:
        if level >= gdal.CE_Failure or (also and also in text):
            failures.append(" ".join(text.split()))
        else:
            logger.debug("GDAL %d: %s", number, text)

    # Without exceptions the handler hears everything; the local switch exists from GDAL 3.7 on, and
    # before that a handler on the thread's stack hears failures in either mode.
    mode = (
        gdal.ExceptionMgr(useExceptions=False) if hasattr(gdal, "ExceptionMgr") else nullcontext()
    )
    with mode:
        gdal.PushErrorHandler(collect)
        try:
            yield failures
        except RuntimeError as error:
            text = " ".join(str(error).split())
            if text not in failures:
                failures.append(text)
        finally:
            gdal.PopErrorHandler()


@contextmanager
def gdal_option(key: str, value: str | None) -> Iterator[None]:
    """Set one of GDAL's configuration options for this thread inside the block."""
    before = gdal.GetThreadLocalConfigOption(key)
    gdal.SetThreadLocalConfigOption(key, value)
    try:
        yield
    finally:
        gdal.SetThreadLocalConfigOption(key, before)


def quoted(failures: list[str]) -> str:
    """GDAL's own words for a message: the first and the last failure, cause and effect."""
    if not failures:
        return "GDAL gives no reason."
    words = failures[0] if failures[0] == failures[-1] else f"{failures[0]}; {failures[-1]}"
    return words if words.endswith(".") else words + "."


def bound_cache(needed: int = 0) -> None:
    """Bound GDAL's block cache, by itself a twentieth of the memory, unless GDAL_CACHEMAX is set.

    needed: bytes that are read again soon, a row of tiles; beside them, ``CACHE_MARGIN`` holds what
    is being written. Every block is written once, so that a larger cache only fills the memory.
    """
    if gdal.GetConfigOption("GDAL_CACHEMAX") is None:
        wanted = max(SMALLEST_CACHE, needed + CACHE_MARGIN)
        gdal.SetCacheMax(min(wanted, LARGEST_CACHE))
