"""The examples in the docstrings run."""

import doctest
from importlib import import_module

import pytest

MODULES = ("names", "currency", "touches", "journeys", "decay", "models", "money", "remainders", "credit")


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(import_module(f"app.attribution.{name}"))
    assert result.failed == 0
