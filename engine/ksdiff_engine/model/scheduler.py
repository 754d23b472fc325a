"""DDPM noising and DDIM sampling with x0-prediction.

METHOD, section 3. Sources: Ho et al. (2020), Song et al. (2021), Lin et al. (2024) for the
`trailing` spacing, which starts at the noisiest step. The latent is never clipped. Equation numbers
below are those of DDIM (arXiv 2010.02502).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

SCHEDULES = ("linear", "scaled_linear")


class DiffusionScheduler(nn.Module):
    """Variance schedule of T steps; a module only so that its table moves with the model.

    `schedule`: betas spaced linearly, or linearly in their square roots (``scaled_linear``).
    """

    alphas_bar: Tensor  # (T,), cumulative products of 1 - beta

    def __init__(
        self,
        *,
        steps: int = 8,
        beta_start: float = 0.1,
        beta_end: float = 0.99,
        schedule: str = "linear",
    ) -> None:
        super().__init__()
        if schedule not in SCHEDULES:
            raise ValueError(f"schedule must be one of {SCHEDULES}, not {schedule!r}")
        if schedule == "linear":
            betas = torch.linspace(beta_start, beta_end, steps, dtype=torch.float64)
        else:
            betas = torch.linspace(beta_start**0.5, beta_end**0.5, steps, dtype=torch.float64) ** 2
        alphas_bar = torch.cumprod(1.0 - betas, dim=0)
        self.steps = steps
        self.register_buffer("alphas_bar", alphas_bar.float(), persistent=False)

    def add_noise(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Forward process: ``x_t = sqrt(abar_t) x0 + sqrt(1 - abar_t) noise`` (eq. 4).

        x0, noise (B, …); t (B,) integers in [0, T).
        """
        alpha_bar = self.alphas_bar[t].reshape(-1, *[1] * (x0.ndim - 1))
        return alpha_bar.sqrt() * x0 + (1.0 - alpha_bar).sqrt() * noise

    def timesteps(self, count: int) -> list[int]:
        """`count` trailing time steps, noisiest first: T-1, …"""
        if not 1 <= count <= self.steps:
            raise ValueError(f"sampling steps must lie between 1 and {self.steps}, not {count}")
        stride = self.steps / count
        return [round(self.steps - i * stride) - 1 for i in range(count)]

    def step(self, x0: Tensor, x_t: Tensor, t: int, previous: int) -> Tensor:
        """One deterministic DDIM step (eq. 12, sigma = 0) from t to `previous` (-1: the end)."""
        alpha_bar = self.alphas_bar[t]
        end = torch.ones_like(alpha_bar)
        alpha_bar_previous = self.alphas_bar[previous] if previous >= 0 else end
        noise = (x_t - alpha_bar.sqrt() * x0) / (1.0 - alpha_bar).sqrt()
        return alpha_bar_previous.sqrt() * x0 + (1.0 - alpha_bar_previous).sqrt() * noise

    def sample(self, predict: Callable[[Tensor, Tensor], Tensor], x: Tensor, count: int) -> Tensor:
        """Reverse chain of `count` steps from noise `x` (B, …); gradients pass through.

        ``predict(x_t, t)`` with t (B,) gives the estimate of x0.
        """
        times = self.timesteps(count)
        for t, previous in zip(times, [*times[1:], -1]):
            x0 = predict(x, torch.full((x.shape[0],), t, device=x.device))
            x = self.step(x0, x, t, previous)
        return x
