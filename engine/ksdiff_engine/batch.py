"""Many scenes: the rows of a list, one after the other here, or side by side on a Dask cluster.

A list is a CSV file whose header names fields of a job: ``pan``, ``ms`` and ``output``, and, where
they are not the default, ``method`` (``ksdiff`` or a classical one), ``bands``, ``weights`` and all
others of :class:`PansharpenJob` and :class:`ClassicalJob`. Several values in a cell are separated
by semicolons. Relative paths start at the folder of the list.

A row that fails stops no other. What became of each stands in a record beside the list, by which a
later run knows the rows that are finished.
"""

from __future__ import annotations

import csv
import json
import os
import re
import time
import traceback
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Union, get_type_hints

import ksdiff_engine
from ksdiff_engine import cluster
from ksdiff_engine.errors import Cancelled, EngineError, InputError, OutputError
from ksdiff_engine.job import KSDIFF, ClassicalJob, PansharpenJob
from ksdiff_engine.pipeline import Progress, run_job
from ksdiff_engine.quality.console import columns_text
from ksdiff_engine.raster.staging import is_virtual
from ksdiff_engine.restart import describe_file

DONE, FAILED, SKIPPED = "done", "failed", "skipped"  # finished by an earlier run

SceneJob = Union[PansharpenJob, ClassicalJob]

NEEDED = ("pan", "ms", "output")
NOT_OF_A_ROW = ("workers", "scheduler", "resume")  # the whole run has them
# Where scenes are worked on, and how fast, is no reason to work on them again.
FREE_FIELDS = (*NOT_OF_A_ROW, "device", "threads", "tile")
_HINTS = {**get_type_hints(ClassicalJob), **get_type_hints(PansharpenJob)}
COLUMNS = tuple(
    dict.fromkeys(
        f.name
        for kind in (PansharpenJob, ClassicalJob)
        for f in fields(kind)
        if f.name not in NOT_OF_A_ROW
    )
)
_TRUTH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_GDAL_NAME = re.compile(r"[A-Za-z0-9_]{2,}:")  # NETCDF:…, https:…; one letter is a Windows drive


@dataclass(frozen=True)
class Row:
    """One scene of a list; without a job where the row asks for the impossible, and says why."""

    line: int  # of the list, from 1
    output: str
    job: SceneJob | None = None
    error: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a row. `identity` is what makes it finished for a later run."""

    line: int
    output: str
    state: str
    seconds: float = 0.0
    error: str = ""
    warnings: tuple[str, ...] = ()
    identity: dict[str, Any] = field(default_factory=dict)


def read_list(path: str, *, threads: int = 0, resume: bool = False) -> list[Row]:
    """Read a list. threads: for rows that do not say. resume: keep and take over finished tiles.

    A row with impossible values becomes one without a job. Raises InputError when the list cannot
    be read, its header is wrong, or rows would overwrite each other's files.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            file.seek(0)
            # Spreadsheets write semicolons where the comma is the decimal sign.
            delimiter = ";" if ";" in header and "," not in header else ","
            reader = csv.DictReader(file, delimiter=delimiter, skipinitialspace=True, strict=True)
            _check_header(path, reader.fieldnames or ())
            folder = os.path.dirname(os.path.abspath(path))
            rows = [_row(reader.line_num, cells, folder, threads, resume) for cells in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"The list {path} cannot be read: {error}.", hint="Save it as CSV in UTF-8."
        ) from error
    if not rows:
        raise InputError(f"The list {path} has no scenes.", hint="Write one row a scene.")
    _check_outputs(path, rows)
    return rows


def _check_header(path: str, names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in COLUMNS]
    missing = [name for name in NEEDED if name not in names]
    twice = sorted({name for name in names if names.count(name) > 1})
    for what, found in (("unknown", unknown), ("missing", missing), ("repeated", twice)):
        if found:
            raise InputError(
                f"The list {path} has {what} columns: {', '.join(map(repr, found))}.",
                hint=f"Its first row names the columns. There may be: {', '.join(COLUMNS)}.",
            )


def _check_outputs(path: str, rows: Sequence[Row]) -> None:
    """Rows run in any order, so no file may be written twice, or read and written."""
    written: dict[str, int] = {}
    for row in rows:
        if row.output in written:
            raise InputError(
                f"Lines {written[row.output]} and {row.line} of the list {path} both write "
                f"{row.output}.",
                hint="Give each scene an output of its own.",
            )
        written[row.output] = row.line
    for row in rows:
        for file in (row.job.pan, *row.job.ms) if row.job else ():
            if file in written:
                raise InputError(
                    f"Line {row.line} of the list {path} reads {file}, which line {written[file]} "
                    "writes.",
                    hint="Run the two steps one after the other, each with its own list.",
                )


def _row(
    line: int, cells: Mapping[str, str | None], folder: str, threads: int, resume: bool
) -> Row:
    filled = {key: text.strip() for key, text in cells.items() if key and text and text.strip()}
    output = _located(filled.get("output", ""), folder) if "output" in filled else f"(line {line})"
    try:
        if None in cells:  # where csv puts what has no column
            raise InputError("The row has more cells than the header.", hint="Quote commas.")
        values: dict[str, Any] = {"threads": threads}
        values.update((name, _value(name, text)) for name, text in filled.items())
        for name in ("pan", "output"):
            if name in values:
                values[name] = _located(values[name], folder)
        values["ms"] = [_located(name, folder) for name in values.get("ms", ())]
        if "weights" in values:  # a name, or a file
            file = _located(values["weights"], folder)
            values["weights"] = file if os.path.exists(file) else values["weights"]
        values["resume"] = resume and not is_virtual(output)
        method = values.pop("method", KSDIFF)
        if method == KSDIFF:
            return Row(line, output, PansharpenJob.from_dict(values))
        return Row(line, output, ClassicalJob.from_dict({**values, "method": method}))
    except EngineError as error:
        return Row(line, output, error=str(error))


def _value(name: str, text: str) -> Any:
    """A cell as JSON would have it; text that is not of the field's type is left to the job."""
    hint = _HINTS[name]
    if hint is str:
        return text
    if hint is bool:
        return _TRUTH.get(text.lower(), text)
    if hint is int:
        return _whole(text)
    texts = [part.strip() for part in text.split(";") if part.strip()]
    return [_whole(part) for part in texts] if hint.__args__[0] is int else texts


def _whole(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:
        return text


def _located(path: str, folder: str) -> str:
    """A path of the list, absolute; names that only GDAL understands stay as they are."""
    if is_virtual(path) or _GDAL_NAME.match(path):
        return path
    return os.path.abspath(os.path.join(folder, path))


class Record:
    """What became of the rows of a list: a JSON object a line, of which an output's last counts."""

    def __init__(self, path: str, *, resume: bool) -> None:
        self._path = Path(path)
        self._finished: dict[str, dict[str, Any]] = {}
        try:
            if resume and self._path.exists():
                self._read()
            self._file = open(path, "a" if resume else "w", encoding="utf-8")  # noqa: SIM115
            self._file.write("\n" if self._file.tell() else "")  # after a line that was cut off
        except (OSError, UnicodeDecodeError) as error:
            raise OutputError(
                f"The record {path} cannot be kept: {error}.", hint="Name another file for it."
            ) from error

    def _read(self) -> None:
        with open(self._path, encoding="utf-8") as file:
            for line in file:
                try:
                    entry = json.loads(line)
                    self._finished[entry["output"]] = entry["identity"]
                except (ValueError, KeyError, TypeError):  # empty, or cut off by a power cut
                    continue

    def finished(self, output: str) -> dict[str, Any] | None:
        """The identity of the row that last wrote `output`."""
        return self._finished.get(output) or None

    def add(self, outcome: Outcome) -> None:
        """Note an outcome, so that a kill right after it loses nothing."""
        if outcome.state != SKIPPED:
            self._file.write(json.dumps(vars(outcome)) + "\n")
            self._file.flush()

    def __enter__(self) -> Record:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()


@dataclass(frozen=True)
class _Task:
    row: Row
    before: dict[str, Any] | None
    engine: str = ksdiff_engine.__version__


def outcomes(
    rows: Sequence[Row],
    record: Record,
    *,
    workers: int = 0,
    scheduler: str = "",
    progress: Progress | None = None,
) -> Generator[Outcome, None, None]:
    """Work on all rows and yield what became of each, as they end; the record holds it by then.

    workers, scheduler: as in :class:`PansharpenJob`; neither is this process, one row at a time.
    progress: hears fractions of 0..1 of the whole list.
    """
    tasks = [_Task(row, record.finished(row.output)) for row in rows]
    report = progress or (lambda fraction, message: None)
    if workers or scheduler:
        ended = _on_cluster(tasks, workers, scheduler, report)
    else:
        ended = _here(tasks, report)
    for outcome in ended:
        record.add(outcome)
        yield replace(outcome, identity={})  # the largest part of it, which only the record needs


def _here(tasks: Sequence[_Task], report: Progress) -> Iterator[Outcome]:
    for number, task in enumerate(tasks):
        yield _work_on(task, _part_of(report, number, len(tasks)))


def _part_of(report: Progress, number: int, count: int) -> Progress:
    return lambda fraction, message: report(
        (number + fraction) / count, f"Scene {number + 1} of {count}: {message}"
    )


def _on_cluster(
    tasks: Iterable[_Task], workers: int, scheduler: str, report: Progress
) -> Iterator[Outcome]:
    tasks = [_with_threads(task, workers) for task in tasks]
    report(0.0, "Connecting to the cluster" if scheduler else "Starting workers")
    with cluster.connected(workers, scheduler) as client:
        for number, (task, outcome) in enumerate(cluster.spread(client, _work_on, tasks), start=1):
            report(number / len(tasks), f"{number} of {len(tasks)} scenes")
            if isinstance(outcome, EngineError):
                outcome = _failed(task, str(outcome))
            yield outcome


def _with_threads(task: _Task, workers: int) -> _Task:
    """Share this machine's cores among the workers on it."""
    if not workers or task.row.job is None:
        return task
    threads = cluster.threads_each(workers, task.row.job.threads)
    return replace(task, row=replace(task.row, job=replace(task.row.job, threads=threads)))


def _work_on(task: _Task, progress: Progress | None = None) -> Outcome:
    """Run one row, wherever this is. Raises nothing but what ends the whole run."""
    started = time.monotonic()
    job = task.row.job
    if job is None:
        return _failed(task, task.row.error)
    try:
        cluster.check_same_engine(task.engine)
        if task.before is not None and task.before == _identity(job, with_output=True):
            return Outcome(task.row.line, task.row.output, SKIPPED)
        inputs = _identity(job)
        result = run_job(job, progress)
        identity = _identity(job, with_output=True)
        # Should an input have changed meanwhile, the next run has to see it.
        identity["files"].update(inputs["files"])
    except Cancelled:
        raise
    except EngineError as error:
        return _failed(task, str(error), started)
    except Exception as error:
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
        return _failed(task, f"The engine failed unexpectedly ({reason}).", started)
    seconds = round(time.monotonic() - started, 3)
    warnings = tuple(result["messages"])
    return Outcome(task.row.line, task.row.output, DONE, seconds, "", warnings, identity)


def _failed(task: _Task, error: str, started: float | None = None) -> Outcome:
    seconds = 0.0 if started is None else round(time.monotonic() - started, 3)
    return Outcome(task.row.line, task.row.output, FAILED, seconds, " ".join(error.split()))


def _identity(job: SceneJob, *, with_output: bool = False) -> dict[str, Any]:
    """The options of a row, its inputs and perhaps its result, for JSON."""
    files = dict.fromkeys((job.pan, *job.ms, *((job.output,) if with_output else ())))
    return {
        "job": {key: value for key, value in job.to_dict().items() if key not in FREE_FIELDS},
        "files": {file: describe_file(file) for file in files},
    }


def table_text(ended: Sequence[Outcome], count: int) -> str:
    """What became of the rows, in columns, with the reasons of failures and the sums below."""
    ended = sorted(ended, key=lambda outcome: outcome.line)
    columns = [
        [outcome.output for outcome in ended],
        [str(outcome.line) for outcome in ended],
        [outcome.state for outcome in ended],
        [f"{outcome.seconds:.1f}" if outcome.seconds else "–" for outcome in ended],
    ]
    reasons = [f"Line {o.line}: {o.error}" for o in ended if o.state == FAILED]
    sums = [f"{_count(ended, state)} {state}" for state in (DONE, FAILED, SKIPPED)]
    sums += [f"{count - len(ended)} not begun or not ended"] if len(ended) < count else []
    table = columns_text(("output", "line", "result", "time (s)"), columns)
    return "\n".join([table, *reasons, f"{', '.join(sums)}; {count} in all"])


def json_text(ended: Sequence[Outcome]) -> str:
    """The same as a JSON object: the sums, and ``rows`` with what became of each."""
    sums = {state: _count(ended, state) for state in (DONE, FAILED, SKIPPED)}
    rows = [
        {key: value for key, value in vars(outcome).items() if key != "identity"}
        for outcome in sorted(ended, key=lambda outcome: outcome.line)
    ]
    return json.dumps({**sums, "rows": rows})


def _count(ended: Iterable[Outcome], state: str) -> int:
    return sum(outcome.state == state for outcome in ended)
