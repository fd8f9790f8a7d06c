"""Which jobs has a tenant begun? Their ids; how far each is, its own record says."""

from __future__ import annotations

from typing import Any

from app.storage import keys

MOST = 100


def begun(redis: Any, tenant_id: int, job_id: str) -> None:
    """A tenant has begun a job."""
    redis.lpush(keys.tenant_runs(tenant_id), job_id)
    redis.ltrim(keys.tenant_runs(tenant_id), 0, MOST - 1)


def newest(redis: Any, tenant_id: int) -> list[str]:
    """The newest hundred, the newest first. A record may be gone: it is kept for 7 days."""
    return [job_id.decode() for job_id in redis.lrange(keys.tenant_runs(tenant_id), 0, MOST - 1)]
