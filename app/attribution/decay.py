"""What is ``2**-x``, to the same bits on every processor?

numpy's exp2 takes another path, and another last bit, with the vector unit of the machine. A cent can
hang on that bit, and a rerun on another worker must give the same cents (SEMANTICS 4.2). Addition and
multiplication are the same everywhere, so the curve is made of these.
"""

import math

import numpy as np

from app.attribution.touches import Floats

# exp(y) for |y| <= ln(2)/2 by its Taylor series: the 14th term is below 2**-57.
_COEFFICIENTS = [1.0 / math.factorial(k) for k in range(14)]
_LN2 = 0.6931471805599453
_VANISHED = 1100.0  # 2**-1100 is 0 in float64


def halvings(x: Floats) -> Floats:
    """``2**-x`` for x >= 0, exact for whole x, else within 2 units of the last place; 0 beyond 1074.

    Examples
    --------
    >>> halvings(np.array([0.0, 1.0, 3.0, 0.5, 1e9])).round(6).tolist()
    [1.0, 0.5, 0.125, 0.707107, 0.0]
    """
    bounded = np.minimum(x, _VANISHED)
    whole = np.rint(bounded)
    y = (whole - bounded) * _LN2
    result = np.full_like(y, _COEFFICIENTS[-1])
    for coefficient in _COEFFICIENTS[-2::-1]:
        result *= y
        result += coefficient
    return np.ldexp(result, -whole.astype(np.int32))
