"""Is the schema there, does the demo tenant exist, and are its keys ours?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.settings import get_settings
from workers.local.folder import Folder

if TYPE_CHECKING:
    from app.tenants.registry import Registry

SLUG = "demo"


@dataclass(frozen=True, slots=True)
class Keys:
    """The demo tenant's keys: `write_key` sends events, `secret_key` reads reports."""

    write_key: str
    secret_key: str


def prepare(environment: Mapping[str, str], folder: Folder) -> Keys:
    """Bring the schema up to date and make sure of the demo tenant, whose keys are kept in the folder."""
    os.environ.update({name: value for name, value in environment.items() if name.startswith("TRIBUTARY_")})
    get_settings.cache_clear()
    # Imported late: these rooms read the settings, which are known only now.
    from app.storage.connections import close_all, get_storage
    from app.storage.migrations import migrate
    from app.storage.redis import get_redis
    from app.tenants.registry import Registry

    migrate(get_settings())
    registry = Registry(get_redis(), get_storage, get_settings())
    try:
        registry.rebuild()
        return _keys(registry, folder)
    finally:
        close_all()


def _keys(registry: Registry, folder: Folder) -> Keys:
    kept = folder.read("secrets.json")
    if "write_key" in kept and registry.by_write_key(kept["write_key"]) is not None:
        return Keys(kept["write_key"], kept["secret_key"])
    if any(tenant.slug == SLUG for tenant in registry.list()):
        # Its keys are stored as hashes only; without the folder's copy they can but be replaced.
        keys = Keys(registry.rotate_key(SLUG, "write"), registry.rotate_key(SLUG, "secret"))
    else:
        _, write_key, secret_key = registry.create(SLUG, "Demo")
        keys = Keys(write_key, secret_key)
    folder.write("secrets.json", {**kept, "write_key": keys.write_key, "secret_key": keys.secret_key})
    return keys
