"""The exceptions that reach a user: what happened, with file and figure, and the remedy.

Everything else that escapes the engine is a defect; the worker reports it as ``internal``.
Standard library only: the plugin imports this module inside QGIS.
"""

from __future__ import annotations

KINDS = ("input", "weights", "environment", "output", "cancelled", "internal")


class EngineError(Exception):
    """A failure a user can read.

    message: one or two sentences that name the file and the figure.
    kind: one of ``KINDS``; a front end chooses its presentation by it.
    hint: the remedy in one sentence, empty where there is none.
    """

    def __init__(self, message: str, *, kind: str, hint: str = "") -> None:
        if kind not in KINDS:
            raise ValueError(f"unknown kind of error {kind!r}; one of {', '.join(KINDS)}")
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class InputError(EngineError):
    """An input raster, or a parameter of the job, cannot be used."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, kind="input", hint=hint)


class WeightsError(EngineError):
    """A weights file is missing, damaged, or does not fit the scene."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, kind="weights", hint=hint)


class EnvironmentProblem(EngineError):
    """The interpreter, a library or the device cannot do the work."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, kind="environment", hint=hint)


class OutputError(EngineError):
    """The result cannot be written."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, kind="output", hint=hint)


class Cancelled(EngineError):
    """The user stopped the work."""

    def __init__(self, message: str = "The work was cancelled.", *, hint: str = "") -> None:
        super().__init__(message, kind="cancelled", hint=hint)
