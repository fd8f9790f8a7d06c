"""How are closed runs told to whoever wants to know, and tried again where nobody takes them?

Redis holds the deliveries that are under way (`app.ledger.announce` records them): messages are wake-ups, the sweep
finds what they lost. A receiver may see a delivery twice, and tells by its id.
"""

from __future__ import annotations

import secrets
import time
import uuid
from typing import Any

import msgspec

from app.errors import BadInput, NotFound
from app.ingest.dead_letters import DeadLetter, DeadLetters, Source
from app.ledger.announce import KEPT_S
from app.ledger.calling import Refusal, call, check_url
from app.ledger.runs import RunKind
from app.storage import keys
from app.storage.client import Storage
from app.storage.webhooks import Webhook, insert_webhook, webhooks_of
from app.tenants.never import Fact, storing
from app.tenants.tenant import Tenant
from config.settings import Settings

MOST_WEBHOOKS = 20
FIRST_WAIT_MS, LONGEST_WAIT_MS = 5_000, 3_600_000


def add_webhook(
    redis: Any, storage: Storage, settings: Settings, tenant: Tenant, url: str, kinds: list[str]
) -> Webhook:
    """A new webhook with a secret of its own; the only time that the secret is shown is now.

    Raises
    ------
    BadInput : the address or a kind cannot be used, or there are too many.
    """
    check_url(url, allow_private=bool(settings.webhook_private))
    unknown = sorted(set(kinds) - {str(kind) for kind in RunKind})
    if unknown:
        raise BadInput("bad_kind", f"There are no runs of kind {unknown[0][:40]!r}.", f"Use {', '.join(RunKind)}.")
    if len(webhooks_of(storage, tenant.tenant_id)) >= MOST_WEBHOOKS:
        raise BadInput("too_many_webhooks", f"There are {MOST_WEBHOOKS} webhooks.", "Delete one first.")
    now_us = time.time_ns() // 1_000
    hook = Webhook(
        f"wh_{uuid.uuid4().hex}", url, f"whsec_{secrets.token_urlsafe(32)}", kinds, "active", now_us // 1000, now_us
    )
    with storing(redis, Fact.WEBHOOKED, [tenant.tenant_id]):
        insert_webhook(storage, tenant.tenant_id, hook)
    return hook


def delete_webhook(storage: Storage, tenant: Tenant, webhook_id: str) -> None:
    """Tell this address no more; what is under way to it is dropped."""
    hook = _find(storage, tenant.tenant_id, webhook_id)
    if hook is None:
        raise NotFound("no_such_webhook", f"There is no webhook {webhook_id[:80]!r}.", "List them: GET /v1/webhooks.")
    newer = max(time.time_ns() // 1_000, hook.version + 1)
    insert_webhook(storage, tenant.tenant_id, hook._replace(state="deleted", secret="", version=newer))


def due(redis: Any, limit: int = 200) -> list[str]:
    """Deliveries whose next try is due."""
    return [mark.decode() for mark in redis.zrangebyscore(keys.WEBHOOKS_DUE, 0, _now_ms(), start=0, num=limit)]


def deliver(redis: Any, storage: Storage, settings: Settings, delivery_id: str) -> dict[str, Any]:
    """Try one delivery; put it off, farther each time, where it fails, and to the dead letters in the end."""
    # Whoever moves its next try is the one that tries now.
    claimed_until = _now_ms() + 60_000
    score = redis.zscore(keys.WEBHOOKS_DUE, delivery_id)
    if (
        score is None
        or score > _now_ms()
        or not redis.zadd(keys.WEBHOOKS_DUE, {delivery_id: claimed_until}, xx=True, gt=True, ch=True)
    ):
        return {"delivery": delivery_id, "outcome": "not due"}
    fields = redis.hgetall(keys.delivery(delivery_id))
    if b"body" not in fields:
        redis.zrem(keys.WEBHOOKS_DUE, delivery_id)
        return {"delivery": delivery_id, "outcome": "gone"}
    tenant_id, attempts = int(fields[b"tenant"]), int(fields[b"attempts"]) + 1
    hook = _find(storage, tenant_id, fields[b"webhook"].decode())
    if hook is None:
        return _end(redis, delivery_id, "dropped", attempts)
    answer = call(hook.url, hook.secret, delivery_id, fields[b"body"], allow_private=bool(settings.webhook_private))
    if answer.is_ok:
        return _end(redis, delivery_id, "delivered", attempts)
    if attempts >= settings.webhook_attempts:
        _bury(redis, settings, tenant_id, hook, delivery_id, fields[b"body"], answer)
        return _end(redis, delivery_id, "given up", attempts)
    redis.hset(keys.delivery(delivery_id), mapping={"attempts": attempts, "problem": answer.problem})
    wait_ms = min(FIRST_WAIT_MS << (attempts - 1), LONGEST_WAIT_MS)
    redis.zadd(keys.WEBHOOKS_DUE, {delivery_id: _now_ms() + wait_ms})
    return {"delivery": delivery_id, "outcome": "put off", "attempts": attempts, "problem": answer.problem}


def send_again(redis: Any, letter: DeadLetter) -> str:
    """Put a delivery that was given up on its way again; its id."""
    body = msgspec.json.decode(letter.body)
    delivery_id = str(body["delivery_id"])
    fields = {"tenant": letter.tenant_id, "webhook": body["webhook_id"], "body": body["body"], "attempts": 0}
    redis.hset(keys.delivery(delivery_id), mapping={**fields, "state": "waits"})
    redis.expire(keys.delivery(delivery_id), KEPT_S)
    redis.zadd(keys.WEBHOOKS_DUE, {delivery_id: _now_ms()})
    return delivery_id


def _find(storage: Storage, tenant_id: int, webhook_id: str) -> Webhook | None:
    return next((hook for hook in webhooks_of(storage, tenant_id) if hook.webhook_id == webhook_id), None)


def _end(redis: Any, delivery_id: str, how: str, attempts: int) -> dict[str, Any]:
    redis.zrem(keys.WEBHOOKS_DUE, delivery_id)
    redis.hset(keys.delivery(delivery_id), mapping={"state": how, "attempts": attempts})
    redis.hdel(keys.delivery(delivery_id), "body")
    redis.expire(keys.delivery(delivery_id), KEPT_S)
    return {"delivery": delivery_id, "outcome": how, "attempts": attempts}


def _bury(
    redis: Any, settings: Settings, tenant_id: int, hook: Webhook, delivery_id: str, body: bytes, answer: Refusal
) -> None:
    letter = DeadLetter(
        tenant_id,
        "webhook_not_delivered",
        f"{hook.url} did not take the delivery {delivery_id}: {answer.problem}",
        "Mend the receiver, then replay it with: tributary dead-letters replay.",
        Source.WEBHOOK.value,
        msgspec.json.encode(
            {"delivery_id": delivery_id, "webhook_id": hook.webhook_id, "body": body.decode()}
        ).decode(),
    )
    DeadLetters(redis, settings.dead_letter_entries).add(letter)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
