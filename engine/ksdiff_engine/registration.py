"""How far MS lies off PAN: one shift for the scene, whether it can be trusted, and its removal.

In windows spread over the scene, PAN is compared with an *intensity*, the non-negative mixture of
the MS bands that resembles it most, by phase correlation (Kuglin and Hines 1975) over the
frequencies that MS resolves. The peak is refined by evaluating the Fourier sum between the pixels
(Guizar-Sicairos, Thurman and Fienup 2008). The scene's shift is the median of the windows.

Why the mixture is fitted on averages of ``FIT_BLOCK`` MS pixels, with a ridge and without negative
weights: a plain fit at MS resolution uses differences of bands that lie off one another to imitate
the very shift that is sought. docs/registration.md has the measurements behind this and behind the
limits below.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.fft import fftfreq, rfft2, rfftfreq
from scipy.optimize import nnls

from ksdiff_engine.raster.tiling import Window
from ksdiff_engine.scene import Scene

__all__ = ["Registration", "measure", "registered"]

LARGEST_EDGE, SMALLEST_EDGE = 64, 24  # of a window, MS pixels
SEARCH = 1 / 8  # of a window's edge: shifts beyond it are not found
COARSE_LATTICE, FINE_LATTICE = 3, 5  # windows along each axis
BAND_LIMIT = 0.8  # of the MS's Nyquist frequency; beyond it the interpolation of MS rolls off
FIT_BLOCK = 8  # MS pixels
RIDGE = 0.01  # of the bands' variance
VALID_FRACTION = 0.95  # of a window's pixels
INFORMATIVE = 8.0  # a window's peak, in standard deviations of what random phases give
COARSE_PASSES = 6
SETTLED = 0.03  # PAN pixels; a smaller remainder ends the coarse passes

# A shift is trusted when enough windows say the same, and the last pass found little left to move.
AGREEMENT = 0.5  # PAN pixels off the median
ENOUGH_WINDOWS = 4
ENOUGH_CONFIDENCE = 0.6
LARGEST_ERROR = 0.15  # PAN pixels, of the median
LARGEST_REMAINDER = 0.25  # PAN pixels
# A smaller shift is none: small scenes without shift were measured to be up to 0.14 off.
NEGLIGIBLE = 0.2  # PAN pixels
NOTABLE_SHIFT = 0.5  # PAN pixels; shows as fringes along edges
NOTABLE_VARIATION = 1.0  # PAN pixels across the scene

MOVES = {"follow": "PAN", "correct": "MS"}  # what is moved by the choices that move something

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Registration:
    """The shift of PAN against MS. Lengths are in PAN pixels.

    shift: how far PAN shows the ground right of (x) and below (y) where MS shows it; None when
        there was nothing to measure by.
    confidence: share of the informative windows that agree with the shift to ``AGREEMENT``; 0..1.
    error: standard error of the shift, from the windows' spread; None without a shift.
    windows: number of informative windows.
    variation: largest difference of the shift between two corners of the scene, by a plane through
        the windows' shifts; None with fewer than nine windows.
    doubt: why the shift is not to be trusted; empty when it is.
    """

    shift: tuple[float, float] | None
    confidence: float
    error: float | None
    windows: int
    variation: float | None
    doubt: str

    @property
    def length(self) -> float:
        """Length of the shift; 0 without one."""
        return math.hypot(*self.shift) if self.shift else 0.0

    @property
    def trusted(self) -> bool:
        """Whether MS may be moved by the shift."""
        return not self.doubt

    @property
    def significant(self) -> bool:
        """Whether the shift is trusted and more than the measurement's own uncertainty."""
        return self.trusted and self.length >= self._uncertainty

    @property
    def _uncertainty(self) -> float:
        return max(NEGLIGIBLE, 2 * (self.error or 0.0))

    @property
    def notable(self) -> bool:
        """Whether fringes are likely, in all or in parts of the scene."""
        varies = (self.variation or 0.0) >= NOTABLE_VARIATION
        return self.significant and (self.length >= NOTABLE_SHIFT or varies)

    def describe(self) -> str:
        """Return the finding in one sentence or two."""
        if self.shift is None:
            return f"The shift between PAN and MS could not be measured: {self.doubt}."
        place = _describe_shift(*self.shift)
        if self.doubt:
            return f"PAN may lie {place} of MS, but this is not certain: {self.doubt}."
        agreeing = f"{self.confidence:.0%} of {self.windows} windows agree"
        if not self.significant:
            return (
                f"PAN and MS lie on each other to {self._uncertainty:.1f} PAN pixels; {agreeing}."
            )
        return f"PAN lies {place} of MS; {agreeing}.{self._describe_variation()}"

    def _describe_variation(self) -> str:
        if self.variation is None or self.variation < NOTABLE_VARIATION:
            return ""
        return f" The shift changes by {self.variation:.1f} PAN pixels across the scene."


@dataclass(frozen=True)
class _WindowShifts:
    """What the informative windows of one pass say; N of them.

    positions: (N, 2) centres, column and row, of the scene's size. shifts: (N, 2) x and y, PAN
    pixels. weights: (N,) peaks of the phase correlation, 0..1.
    """

    positions: np.ndarray
    shifts: np.ndarray
    weights: np.ndarray

    def median(self) -> np.ndarray:
        """(2,), weighted, of each coordinate."""
        return np.array([_weighted_median(axis, self.weights) for axis in self.shifts.T])


_UNASKED = Registration(None, 0.0, None, 0, None, "this was not asked for")


class _Unmeasurable(Exception):
    """There is no shift to be found; the text completes a sentence."""


def measure(scene: Scene, progress: Progress | None = None) -> Registration:
    """Measure the shift of PAN against MS in a scene.

    Reads 34 windows of a pair without shift, 43 to 52 of most others, and more where bands lie off
    one another or the few windows of the first passes show nothing.
    Whatever the scene is like, there is an answer: see ``Registration.doubt``.
    """
    try:
        return _measure(scene, progress or (lambda fraction, message: None))
    except _Unmeasurable as reason:
        return Registration(None, 0.0, None, 0, None, str(reason))


def registered(
    scene: Scene, how: str, progress: Progress, warn: Callable[[str], None]
) -> tuple[Scene, dict[str, Any]]:
    """Return the scene without its shift if asked for, and the finding for a job's result.

    how: of :data:`.job.REGISTER`. ``follow`` resamples PAN to where MS lies, ``correct`` moves MS
    to where PAN lies, without resampling; both only by a shift that is trusted and significant.
    Else, and with ``report`` and ``off``, the scene comes back as it is. warn hears of notable
    shifts that stay, and of those that ``correct`` cannot correct.
    """
    if how == "off":
        return scene, _finding(_UNASKED, "")
    found = measure(scene, progress)
    moved = MOVES.get(how, "") if found.significant else ""
    if moved and found.shift:
        move = scene.pair.following if how == "follow" else scene.pair.moved
        scene = Scene(move(*found.shift), scene.profile)
    elif how == "correct" and not found.trusted:
        warn(f"{found.describe()} MS was left where it is.")
    elif found.notable:
        warn(f"{found.describe()} The shift was left; register 'follow' or 'correct' takes it out.")
    return scene, _finding(found, moved)


def _finding(found: Registration, moved: str) -> dict[str, Any]:
    """The keys of a result that tell of the registration; lengths in PAN pixels."""
    x, y = found.shift or (None, None)
    figures = {"shift_x": x, "shift_y": y, "shift_error": found.error}
    return {
        **{key: None if value is None else round(value, 3) for key, value in figures.items()},
        "shift_confidence": round(found.confidence, 3),
        "shift_corrected": bool(moved),
        "registration": found.describe() + (f" {moved} was moved accordingly." if moved else ""),
    }


def _measure(scene: Scene, progress: Progress) -> Registration:
    """Move MS by what coarse passes find, then measure the rest with all windows.

    Passes, because windows that show grounds apart differ at their edges, and because the mixture
    of bands is fitted to what lies on PAN before the move: both draw a shift towards zero.
    """
    shift, lattice = np.zeros(2), COARSE_LATTICE
    for number in range(COARSE_PASSES):
        part = _part(progress, number / (COARSE_PASSES + 2), (number + 1) / (COARSE_PASSES + 2))
        try:
            remainder = _window_shifts(scene.nudged(*shift), lattice, part).median()
        except _Unmeasurable:
            if lattice == FINE_LATTICE:
                raise
            lattice = FINE_LATTICE  # the few windows met nodata or water
            continue
        shift = shift + remainder
        if np.abs(remainder).max() <= SETTLED:
            break
    part = _part(progress, COARSE_PASSES / (COARSE_PASSES + 2), 1.0)
    return _judge(_window_shifts(scene.nudged(*shift), FINE_LATTICE, part), shift)


def _part(progress: Progress, start: float, end: float) -> Callable[[float], None]:
    """Return what tells the progress of a pass, 0..1, as a part of the whole."""
    text = "Comparing the places of PAN and MS"
    return lambda fraction: progress(start + fraction * (end - start), text)


def _judge(found: _WindowShifts, moved: np.ndarray) -> Registration:
    """Combine what the windows of the last pass say, after MS was ``moved`` by (x, y)."""
    remainder = found.median()
    distances = np.hypot(*(found.shifts - remainder).T)
    count = len(distances)
    agreeing = int((distances <= AGREEMENT).sum())
    # The median of N normal values; 1.1774 is the median of a Rayleigh distribution.
    error = math.sqrt(math.pi / 2 / count) * float(np.median(distances)) / 1.1774
    variation = _variation(found)
    doubts = (
        (np.abs(remainder).max() > LARGEST_REMAINDER, "it changes with every attempt"),
        (
            agreeing < ENOUGH_CONFIDENCE * count and (variation or 0.0) >= NOTABLE_VARIATION,
            f"it changes by {variation or 0.0:.1f} PAN pixels across the scene",
        ),
        (
            agreeing < max(ENOUGH_WINDOWS, ENOUGH_CONFIDENCE * count),
            f"only {agreeing} of {count} windows agree to {AGREEMENT} PAN pixels",
        ),
        (error > LARGEST_ERROR, f"its standard error is {error:.2f} PAN pixels"),
    )
    shift = moved + remainder
    return Registration(
        shift=(float(shift[0]), float(shift[1])),
        confidence=agreeing / count,
        error=error,
        windows=count,
        variation=variation,
        doubt=next((text for holds, text in doubts if holds), ""),
    )


def _window_shifts(scene: Scene, lattice: int, progress: Callable[[float], None]) -> _WindowShifts:
    """Compare PAN and MS in at most ``lattice`` × ``lattice`` windows."""
    windows = _windows(scene, lattice)
    correlation = _PhaseCorrelation(windows[0], scene.ratio)
    kept, spectra, fit = [], [], _SpectralFit(scene)
    for number, window in enumerate(windows):
        progress(number / len(windows))
        tile = scene.tile(window)
        if tile.valid.mean() < VALID_FRACTION:
            continue
        kept.append((window.column + window.width / 2, window.row + window.height / 2))
        images = np.concatenate([tile.pan[None], tile.ms_up])
        fit.add(images)
        spectra.append(correlation.spectra(images))
    if not kept:
        raise _Unmeasurable("no part of the scene is large enough and free of invalid pixels")
    weights = fit.weights()
    peaks = [correlation.peak(s[0], np.tensordot(weights, s[1:], 1)) for s in spectra]
    informative = [peak is not None for peak in peaks]
    if not any(informative):
        raise _Unmeasurable("no part of the scene shows the same ground in both")
    found = np.array([peak for peak in peaks if peak is not None])
    positions = np.array(kept)[informative] / (scene.width, scene.height)
    return _WindowShifts(positions, found[:, :2], found[:, 2])


def _windows(scene: Scene, lattice: int) -> list[Window]:
    """Windows of one size, evenly spread, which overlap by no more than half."""
    smaller = min(scene.width / scene.pair.ratio_x, scene.height / scene.pair.ratio_y)
    edge = min(LARGEST_EDGE, max(SMALLEST_EDGE, smaller // 2))
    width, height = round(edge * scene.pair.ratio_x), round(edge * scene.pair.ratio_y)
    if width > scene.width or height > scene.height:
        raise _Unmeasurable(
            f"the scene has fewer than {SMALLEST_EDGE} × {SMALLEST_EDGE} multispectral pixels"
        )
    columns = _starts(scene.width, width, lattice)
    rows = _starts(scene.height, height, lattice)
    return [Window(column, row, width, height) for row in rows for column in columns]


def _starts(size: int, edge: int, lattice: int) -> list[int]:
    count = min(lattice, 1 + math.ceil((size - edge) / (edge / 2)))
    return [round(start) for start in np.linspace(0, size - edge, count)]


class _SpectralFit:
    """Gathers block averages of windows for the mixture of MS bands that resembles PAN."""

    def __init__(self, scene: Scene) -> None:
        self._block = (
            round(FIT_BLOCK * scene.pair.ratio_y),
            round(FIT_BLOCK * scene.pair.ratio_x),
        )
        self._values: list[np.ndarray] = []

    def add(self, images: np.ndarray) -> None:
        """Take in (1 + C, H, W): PAN, then the bands."""
        (h, w), (bands, height, width) = self._block, images.shape
        rows, columns = height // h, width // w
        cut = images[:, : rows * h, : columns * w].reshape(bands, rows, h, columns, w)
        means = cut.mean(axis=(2, 4), dtype=np.float64).reshape(bands, -1)
        # Only differences within a window count: between windows the light may change.
        self._values.append(means - means.mean(axis=1, keepdims=True))

    def weights(self) -> np.ndarray:
        """Return (C,) non-negative weights of the bands, by ridge regression."""
        pan, *bands = np.concatenate(self._values, axis=1)
        deviations = np.std(bands, axis=1)
        scales = np.where(deviations > 0, deviations, 1.0)
        # Without the ridge, a hair decides which of several bands alike takes all the weight, and
        # bands that lie off one another give other shifts.
        ridge = math.sqrt(RIDGE * len(pan)) * np.eye(len(bands))
        design = np.concatenate([(np.array(bands) / scales[:, None]).T, ridge])
        weights = nnls(design, np.append(pan, np.zeros(len(bands))))[0] / scales
        if not weights.any():
            raise _Unmeasurable("no band grows brighter where PAN does")
        return weights


class _PhaseCorrelation:
    """Phase correlation of windows of one size over the frequencies that MS resolves."""

    def __init__(self, window: Window, ratio: float) -> None:
        taper = np.outer(_hann(window.height), _hann(window.width)).astype(np.float32)
        self._taper = taper / taper.sum()
        limit = BAND_LIMIT / 2 / ratio
        fy = fftfreq(window.height)
        fx = rfftfreq(window.width)
        self._rows, self._columns = np.abs(fy) <= limit, fx <= limit
        self._fy, self._fx = fy[self._rows], fx[self._columns]
        radius = np.hypot(self._fy[:, None], self._fx[None])
        inside = (radius <= limit) & (radius > 0)
        # The spectrum of a real image holds every frequency twice; rfft2 keeps one of each but for
        # the first column.
        self._mask = np.where(self._fx[None] > 0, 1.0, 0.5) * inside
        self._mask /= self._mask.sum()
        self._count = 2 * int(inside.sum()) - int(inside[:, 0].sum())
        self._search = int(SEARCH * min(window.width, window.height))

    def spectra(self, images: np.ndarray) -> np.ndarray:
        """Return the spectra of (N, H, W) within the band, (N, rows, columns) complex."""
        means = np.tensordot(images, self._taper, 2)
        whole = rfft2((images - means[:, None, None]) * self._taper)
        return whole[:, self._rows][:, :, self._columns]

    def peak(self, pan: np.ndarray, intensity: np.ndarray) -> tuple[float, float, float] | None:
        """Return x, y and height (0..1) of the peak; None when it says nothing or lies outside."""
        cross = pan * np.conj(intensity)
        magnitude = np.abs(cross)
        cross = self._mask * np.divide(
            cross, magnitude, out=np.zeros_like(cross), where=magnitude > 0
        )
        offsets = np.arange(-self._search, self._search + 1.0)
        x, y, height = self._highest(cross, offsets, offsets)
        if height * math.sqrt(self._count) < INFORMATIVE or max(abs(x), abs(y)) >= self._search:
            return None
        for step in (0.2, 0.04, 0.008):
            around = np.arange(-5, 6) * step
            x, y, height = self._highest(cross, x + around, y + around)
        return x, y, height

    def _highest(
        self, cross: np.ndarray, x: np.ndarray, y: np.ndarray
    ) -> tuple[float, float, float]:
        """Evaluate the correlation at all (x, y) by a Fourier sum; return its maximum."""
        to_rows = np.exp(2j * np.pi * np.outer(y, self._fy))
        to_columns = np.exp(2j * np.pi * np.outer(self._fx, x))
        surface = (to_rows @ cross @ to_columns).real
        row, column = np.unravel_index(surface.argmax(), surface.shape)
        return float(x[column]), float(y[row]), float(surface[row, column])


def _hann(size: int) -> np.ndarray:
    """Hann's window without its zeros at the ends."""
    return np.hanning(size + 2)[1:-1]


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The value at which half of the weight is reached, interpolated between values."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(weights.sum() / 2, reached, values[order]))


def _variation(found: _WindowShifts) -> float | None:
    """Largest difference between corners of the plane through the shifts, PAN pixels."""
    if len(found.shifts) < 9:
        return None
    design = np.column_stack([np.ones(len(found.positions)), found.positions])
    root = np.sqrt(found.weights)[:, None]
    plane = np.linalg.lstsq(design * root, found.shifts * root, rcond=None)[0]
    along_x, along_y = plane[1], plane[2]
    return float(max(np.hypot(*(along_x + along_y)), np.hypot(*(along_x - along_y))))


def _describe_shift(x: float, y: float) -> str:
    horizontal = f"{abs(x):.2f} PAN pixels {'right' if x > 0 else 'left'}"
    vertical = f"{abs(y):.2f} {'below' if y > 0 else 'above'}"
    return f"{horizontal} and {vertical}"
