"""Which keys does Tributary keep in Redis? Each with its type, its life and its owner; no other module makes one.

One Redis master holds them all (Sentinel fails it over), so scripts may touch several keys at once.
"""

from __future__ import annotations

from config.queues import Queue

DEAD_LETTERS = "dead"
"""stream; newest `dead_letter_entries` kept; written by edge, drain and sweep, read by support."""

WAKE_UPS = Queue.INGEST.value
"""list of wake-ups of drains that no worker has taken yet; owner: Celery."""

RUNS_DUE = "runs:due"
"""zset of run id by the time (ms) at which the sweep looks at it again; owner: the chunk ledger."""

RUNS_CLOSED = "runs:closed"
"""set of ids of closed runs whose rows are not stored yet; owner: the chunk ledger."""

RUN_CLOCK = "runs:clock"
"""string, the last version given to a run (µs); only ever grows; owner: the chunk ledger."""

TENANT_KEYS = "tenants:keys"
"""hash of sha256(key) -> 'w:<tenant id>' or 's:<tenant id>'; mirrors the table `tenants`; no expiry."""

TENANTS = "tenants:records"
"""hash of tenant id -> JSON of the tenant and its rules in force; mirrors ClickHouse; no expiry."""


ERASURES_DUE = "erasures:due"
"""zset of '<tenant id>:<erasure id>' by when it was asked for (ms); out when its proof is stored; owner: erasing."""

ERASING = "lock:erasing"
"""Lock (string) held by the one process that carries erasures further; expires after ten minutes."""

ADJUSTED = "adjustments:tenants"
"""hash of tenant id -> 'none' (and since when: see `app.tenants.never`) where no order of it was ever refunded or
corrected, 'some' where one may have been; gone when the mirror of tenants is filled again; owner: the mirror."""

CUT = "cuts:tenants"
"""The same of whether a meeting of two ids was ever cut, by an unmerge or an erasure."""

WEBHOOKED = "webhooks:tenants"
"""The same of whether it ever had a webhook."""

WEBHOOKS_DUE = "webhooks:due"
"""zset of delivery id by the time (ms) of its next try; owner: webhooks."""


def delivery(delivery_id: str) -> str:
    """Hash: tenant, webhook, body, attempts, state, …; kept 7 days from its last change; owner: webhooks."""
    return f"webhook:delivery:{delivery_id}"


def tenant_inbox(tenant_id: int | str) -> str:
    """Stream of a tenant's batches that wait to be drained, oldest first; cut off as blocks are acknowledged.

    `*` in the tenant's place is filled in by a script. An empty one stays: the ids of a stream only grow, and a
    block's token is made of them.
    """
    return f"tenant:{tenant_id}:inbox"


def waiting(shard: int) -> str:
    """Hash of tenant id -> batches in its inbox, of those where some wait; field 'all': their sum; owner: the inbox."""
    return f"waiting:{shard}"


def sealed(shard: int) -> str:
    """Hash {last, memo}: the block being drained: up to where in each tenant's inbox, and what was looked up for it."""
    return f"sealed:{shard}"


def lease(shard: int) -> str:
    """String, the token of the drain that works on the shard; expires after `lease_s`."""
    return f"lease:{shard}"


def wake(shard: int) -> str:
    """String, present while a wake-up for the shard is under way; expires after seconds."""
    return f"wake:{shard}"


def run(run_id: str) -> str:
    """Hash: kind, state, version, created_ms, chunks, conversions, …; kept 7 days after the run is closed."""
    return f"run:{run_id}"


def run_chunks(run_id: str) -> str:
    """Hash of chunk number -> msgpack of its references; deleted when the run is closed."""
    return f"run:{run_id}:chunks"


def run_open(run_id: str) -> str:
    """Set of chunk numbers that are not done; gone when the last one is."""
    return f"run:{run_id}:open"


def run_days(run_id: str) -> str:
    """Set of '<tenant id>:<day>' whose rollups the run has touched; deleted when the run is closed."""
    return f"run:{run_id}:days"


def tenant_runs(tenant_id: int) -> str:
    """List of a tenant's newest job ids, the newest first; trimmed to 100."""
    return f"tenant:{tenant_id}:runs"


def refreshing(rollup: str, tenant_id: int) -> str:
    """Lock (string) held while a tenant's rollup is refreshed; renewed while its holder lives."""
    return f"refreshing:{rollup}:{tenant_id}"


def stale_tenants(rollup: str) -> str:
    """zset of tenant id by when (ms) it is the turn of its days of which a rollup is stale; owner: the stale days."""
    return f"{rollup}:stale"


def stale_days(rollup: str, tenant_id: int | str) -> str:
    """Hash of day -> when a block's run last left its rollup stale ('<s>.<µs>'); a day goes when it is refreshed.

    Without the tenant: what all such names begin with. Owner: the stale days."""
    return f"{rollup}:stale:{tenant_id}"


def model_job(job_id: str) -> str:
    """Hash: tenant, question, digest, state, done, total, beat_ms, …; kept 7 days from its last change."""
    return f"models:job:{job_id}"


def model_question(tenant_id: int, question: str) -> str:
    """String, the newest job of a question to Markov and Shapley; kept a day. Owner: the model jobs."""
    return f"models:question:{tenant_id}:{question}"


REFITS_DUE = "saturation:refits:due"
"""zset of open refits' ids by the time (ms) at which the sweep looks at them again; owner: the refits."""


def refit(job_id: str) -> str:
    """Hash: tenant, until, reason, state, created_ms, total, done, tries, …; kept 7 days from its last change."""
    return f"saturation:refit:{job_id}"


def refit_groups(job_id: str) -> str:
    """Hash of group number -> JSON of its model and channels; kept as long as the refit."""
    return f"saturation:refit:{job_id}:groups"


def refit_open(job_id: str) -> str:
    """Set of group numbers that are not fitted; kept as long as the refit."""
    return f"saturation:refit:{job_id}:open"


def refit_of(tenant_id: int, until: str) -> str:
    """String, the newest refit of a tenant over data until a day; kept a day."""
    return f"saturation:of:{tenant_id}:{until}"


def refit_newest(tenant_id: int) -> str:
    """String, the newest refit of a tenant; kept a week."""
    return f"saturation:newest:{tenant_id}"


def refit_night(tenant_id: int) -> str:
    """String, the tenant's own day on which its nightly refit was last asked for; kept a week."""
    return f"saturation:night:{tenant_id}"


UNSCORED = "saturation:unscored"
"""zset of tenant id by when (ms) scoring its new spend last failed; it goes when that succeeds. Owner: the refits."""
