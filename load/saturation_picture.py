"""How often is so what was said with this probability? The reliability diagram, as SVG that any browser shows.

Written by hand rather than by a plotting library: the same figures give the same bytes, and it can be read in a diff.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from app.saturation.series import Floats

_SIDE, _LEFT, _TOP = 360, 60, 20
_COLOURS = ("#1f5fa8", "#c2571a", "#3d8b37")
_LEAST_COUNT = 10


def diagram(measured: Mapping[str, Floats]) -> str:
    """SVG of one line for each name.

    Parameters
    ----------
    measured : mapping of name to float64 (3, bins)
        Mean probability, share that is so, and count, as `gates.reliability` gives them. A bin of fewer than 10
        is left out. The area of a dot is that of its count.
    """
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_SIDE + 2 * _LEFT}" height="{_SIDE + 80}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        *_axes(),
    ]
    for number, (name, figures) in enumerate(measured.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        said, is_so, count = figures[:, figures[2] >= _LEAST_COUNT]
        points = " ".join(f"{_x(p):.1f},{_y(q):.1f}" for p, q in zip(said, is_so, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        largest = float(count.max()) if len(count) else 1.0
        for p, q, n in zip(said, is_so, count, strict=True):
            radius = 2 + 8 * float(np.sqrt(n / largest))
            parts.append(f'<circle cx="{_x(p):.1f}" cy="{_y(q):.1f}" r="{radius:.1f}" fill="{colour}" opacity="0.5"/>')
        parts.append(f'<text x="{_LEFT + 12}" y="{_TOP + 20 + 16 * number}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _axes() -> list[str]:
    lines = [
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#888"/>',
        f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" stroke="#888" stroke-dasharray="4 4"/>',
        f'<text x="{_LEFT + _SIDE / 2}" y="{_TOP + _SIDE + 38}" text-anchor="middle">probability that was given</text>',
        f'<text transform="translate(18 {_TOP + _SIDE / 2}) rotate(-90)" text-anchor="middle">share that is so</text>',
    ]
    for tick in np.linspace(0, 1, 6):
        lines.append(f'<text x="{_x(tick)}" y="{_TOP + _SIDE + 18}" text-anchor="middle">{tick:.1f}</text>')
        lines.append(f'<text x="{_LEFT - 8}" y="{_y(tick) + 4}" text-anchor="end">{tick:.1f}</text>')
    return lines


def _x(probability: float) -> float:
    return round(_LEFT + _SIDE * float(probability), 1)


def _y(share: float) -> float:
    return round(_TOP + _SIDE * (1 - float(share)), 1)
