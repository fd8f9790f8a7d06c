"""Are the parameters what they say, and is the Jacobian the derivative?"""

import numpy as np
import pytest

from app.saturation.curves import FLOOR, Shape, exponential, log_response, logarithmic, response

SHAPES = [
    Shape(0.5, 0.0, 1.0, 0.3),
    Shape(0.2, 0.4, 1.6, 0.5),
    Shape(0.9, 0.0, 2.6, 0.0),
    Shape(0.1, 0.6, 0.8, 0.8),
    Shape(1.4, 0.1, 2.0, 0.2),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_elasticity_at_the_operating_point_is_the_parameter(shape):
    step = 1e-6
    up, here, down = response(shape, np.array([1 + step, 1.0, 1 - step]))
    assert here == pytest.approx(1.0)
    assert (up - down) / (2 * step) == pytest.approx(shape.elasticity, rel=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_intercept_is_what_comes_without_spend(shape):
    assert response(shape, np.zeros(1))[0] == pytest.approx(shape.intercept)
    assert shape.spend_driven_elasticity == pytest.approx(shape.elasticity / (1 - shape.intercept))


@pytest.mark.parametrize("shape", SHAPES)
def test_responses_never_fall(shape):
    assert (np.diff(response(shape, np.linspace(0, 5, 200))) >= 0).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_jacobian_is_the_derivative(shape):
    u = np.array([0.0, 0.2, 0.9, 1.0, 1.7, 4.0])
    value, jacobian = log_response(shape, u, np.zeros_like(u))
    assert value == pytest.approx(np.log(response(shape, u) + FLOOR))
    theta = np.array([shape.elasticity, shape.intercept, shape.slope])
    for column in range(3):
        step = np.eye(3)[column] * 1e-6
        above, below = (Shape(*(theta + sign * step), shape.rate) for sign in (1, -1))
        numeric = (np.log(response(above, u) + FLOOR) - np.log(response(below, u) + FLOOR)) / 2e-6
        assert jacobian[column] == pytest.approx(numeric, rel=1e-4, abs=1e-6)


def test_no_effect_is_a_constant():
    flat = Shape(0.0, 0.0, 1.0, 0.0)
    assert response(flat, np.array([0.5, 1.0, 2.0])) == pytest.approx(np.ones(3), abs=2e-4)


@pytest.mark.parametrize("form", [exponential, logarithmic])
@pytest.mark.parametrize("elasticity", [0.1, 0.4, 0.8])
def test_alternatives_have_the_elasticity_asked_for(form, elasticity):
    up, here, down = form(np.array([1 + 1e-6, 1.0, 1 - 1e-6]), elasticity)
    assert here == pytest.approx(1.0)
    assert (up - down) / 2e-6 == pytest.approx(elasticity, rel=1e-4)
