"""What moves revenue besides spend is linear in its logarithm: how is it taken out?"""

from dataclasses import dataclass

import numpy as np

from app.saturation.residuals import Whitener
from app.saturation.series import Floats
from app.saturation.windows import Float32s


@dataclass(frozen=True, slots=True)
class CoefficientPrior:
    """A normal prior of one covariate's coefficient."""

    column: int
    mean: float
    sd: float


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """The linear part of a window, whitened, ready to be projected out.

    `basis` is float64 (rows + 1, q); the last row carries the prior of a coefficient. `target` is float64
    (rows + 1,), without what the basis explains.
    """

    whitener: Whitener
    basis: Floats
    target: Floats
    freedom: float

    @classmethod
    def of(cls, whitener: Whitener, covariates: Floats, target: Floats, prior: CoefficientPrior | None) -> "Linear":
        rows = np.zeros((len(target) + 1, covariates.shape[1] + 1))
        rows[:-1, :-1] = whitener.whiten(covariates.T).T
        rows[:-1, -1] = whitener.whiten(target)
        if prior is not None:
            typical = max(float(np.std(rows[:-1, -1])), 1e-3)
            rows[-1, [prior.column, -1]] = typical / prior.sd, typical / prior.sd * prior.mean
        x, z = rows[:, :-1], rows[:, -1]
        norms = np.sqrt((x * x).sum(axis=0))
        q, r = np.linalg.qr(x / np.where(norms > 0, norms, 1.0))
        q = q[:, np.abs(np.diag(r)) > 1e-6]
        freedom = float((whitener.sqrt_weight > 0.1).sum() - q.shape[1])
        return cls(whitener, q, z - q @ (q.T @ z), max(freedom, 1.0))

    def leave(self, values: Floats) -> Floats:
        """What the basis does not explain of values float64 (..., rows), whitened: (..., rows + 1)."""
        white = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
        white[..., :-1] = self.whitener.whiten(values)
        return np.asarray(white - (white @ self.basis) @ self.basis.T)

    def squares(self, log_g: Float32s) -> Floats:
        """Residual squares of each response float32 (points, rows), float64 (points,)."""
        white = self.whitener.whiten(log_g)
        inside = (white @ self.basis[:-1].astype(np.float32)).astype(np.float64)
        across = (white @ self.target[:-1].astype(np.float32)).astype(np.float64)
        norms = np.einsum("gr,gr->g", white, white).astype(np.float64)
        whole = float(self.target @ self.target)
        left = whole - 2 * across + norms - (inside * inside).sum(axis=1)
        return np.asarray(np.maximum(left, 1e-9 + 1e-6 * whole))


def coefficients_of(whitener: Whitener, covariates: Floats, rest: Floats, prior: CoefficientPrior | None) -> Floats:
    """Of the covariates, float64 (p,), by weighted least squares on what the response leaves."""
    x, y = whitener.whiten(covariates.T).T, whitener.whiten(rest)
    if prior is not None:
        typical = max(float(np.std(y)), 1e-3)
        row = np.zeros((1, covariates.shape[1]))
        row[0, prior.column] = typical / prior.sd
        x, y = np.concatenate([x, row]), np.append(y, typical / prior.sd * prior.mean)
    return np.asarray(np.linalg.lstsq(x, y, rcond=1e-9)[0])
