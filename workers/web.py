"""What does gunicorn serve?"""

from __future__ import annotations

from flask import Flask

from app.http import create_app
from config.settings import get_settings


def application() -> Flask:
    """The edge with the settings of this process."""
    return create_app(get_settings())
