"""What do Markov and Shapley give each channel of a period? All paths counted, both models solved, one answer stored.

(SEMANTICS 3, 4.9.) Markov's removal effects come from the journeys of all currencies of a conversion type, since money
has no part in them; each currency's totals are shared by them. Shapley shares each currency's own journeys.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from app.attribution.bootstrap import Intervals, bootstrap
from app.attribution.markov import RemovalEffects, markov, removal_effects
from app.attribution.names import UNATTRIBUTED
from app.attribution.paths import Count, PathCounts, merged
from app.attribution.shapley import shapley
from app.attribution.totals import AMOUNTS, ChannelCredit
from app.errors import TributaryError, Unavailable
from app.ledger.chunks import Services
from app.ledger.model_jobs import ModelJobs
from app.ledger.path_counts import Tick, count_period
from app.ledger.refresh import catch_up
from app.reports.amounts import MICRO, NOTHING, Amounts
from app.reports.channels import Inputs, Question, inputs_of
from app.reports.query import PERIOD_MODELS, PeriodModel
from app.storage.channel_models import WORTH_BY_TYPE, store_answer
from app.storage.client import Storage
from app.storage.statements import Rollup
from app.tenants.tenant import Tenant

REPLICATES, LEAST_REPLICATES = 1_000, 200
LEVEL = 0.95
_CELLS = 400_000_000
"""Draws of an answer's intervals in all: 20 s, of the 120 that a task has."""
_TASK = "attribution.model_channels"
_DIGITS = 9


def compute_job(services: Services, jobs: ModelJobs, job_id: str) -> dict[str, Any]:
    """Do one job and say how it ended; what support reads in Flower."""
    job = jobs.begin(job_id)
    if job is None:
        return {"outcome": "done or under way", "job_id": job_id}
    tenant = services.tenant(job.tenant_id)
    told = {"tenant": tenant.slug, "job_id": job_id, "question": job.question}
    try:
        question = Question.decoded(job.question)
        days = question.period.first, question.period.end
        catch_up(services.storage, services.runs, services.registry, tenant.tenant_id, Rollup.JOURNEYS, days)
        answer = compute(
            services.storage,
            tenant,
            question,
            job_id=job_id,
            tick=lambda done, total: jobs.progress(job_id, done, total),
        )
    except Unavailable:
        jobs.put_back(job_id)
        raise
    except TributaryError as error:
        jobs.fail(job_id, error.code, error.message, error.detail)
        return {"outcome": error.code, **told}
    jobs.finish(job_id)
    return {"outcome": "computed", "rows": len(answer["rows"]), "reconciled": answer["reconciled"], **told}


def compute(
    storage: Storage, tenant: Tenant, question: Question, *, job_id: str = "", tick: Tick = lambda done, total: None
) -> dict[str, Any]:
    """The answer to a question, which is stored with the digest of what it came from.

    The digest is taken before anything is read: what changes meanwhile makes the answer outdated, never wrong for its
    digest.
    """
    inputs = inputs_of(storage, tenant, question)
    answer = _answer(storage, tenant, question, inputs, tick)
    now_us = time.time_ns() // 1_000
    row = {
        "tenant_id": tenant.tenant_id,
        "first_day": question.period.first,
        "end_day": question.period.end,
        "timezone": question.period.timezone,
        "conversion_type": question.conversion_type,
        "intervals": int(question.intervals),
        "digest": inputs.digest,
        "job_id": job_id,
        "computed_at": now_us // 1_000,
        "answer": msgspec.json.encode(answer).decode(),
        "version": now_us,
    }
    store_answer(storage, row, task=_TASK)
    return answer


def _answer(storage: Storage, tenant: Tenant, question: Question, inputs: Inputs, tick: Tick) -> dict[str, Any]:
    counted = count_period(storage, tenant, question, inputs, tick)
    rows, unattributed, totals, types, every_channel = [], [], [], [], []
    found: dict[tuple[str, str, str], Amounts] = {}
    for name in counted.types:
        currencies = counted.of_type(name)
        journeys = merged([*(_without_money(paths) for paths in currencies.values()), counted.lost])
        effects = removal_effects(journeys)
        cells = _CELLS // len(counted.types)
        drawn = _bootstrap(journeys, _key(tenant, question, name, ""), cells) if question.intervals else None
        types.append(_of_type(name, journeys, effects, drawn))
        every_channel += list(_of_channels(name, effects, shapley(journeys), drawn))
        for currency, paths in sorted(currencies.items()):
            key = _key(tenant, question, name, currency)
            for model in PERIOD_MODELS:
                credit = markov(paths, effects, key) if model is PeriodModel.MARKOV else shapley(paths, key)
                head = {"model": str(model), "conversion_type": name}
                lines = [line for line in _lines(credit) if line[2]]
                outside = Amounts(*credit.unattributed.tolist())
                rows += [
                    {**head, "channel": channel, **amounts.shown(currency), "share": round(share, _DIGITS)}
                    for channel, share, amounts in lines
                ]
                unattributed.append({**head, "channel": UNATTRIBUTED, **outside.shown(currency)})
                total = sum((amounts for _, _, amounts in lines), outside)
                totals.append({**head, **total.shown(currency)})
                found[str(model), name, currency] = total
    return {
        "rows": rows,
        "unattributed": unattributed,
        "totals": totals,
        "journeys": types,
        "channels": every_channel,
        "reconciled": _is_reconciled(storage, tenant, question, found),
    }


def _lines(credit: ChannelCredit) -> Iterator[tuple[str, float, Amounts]]:
    columns = [getattr(credit, name).tolist() for name in AMOUNTS]
    for channel, share, *amounts in zip(credit.channels, credit.share.tolist(), *columns, strict=True):
        yield channel, share, Amounts(*amounts)


def _of_type(name: str, journeys: PathCounts, effects: RemovalEffects, drawn: Intervals | None) -> dict[str, Any]:
    """What a conversion type's models were made of."""
    with_touches, without = journeys.credited().tolist(), journeys.unattributed().tolist()
    told: dict[str, Any] = {
        "conversion_type": name,
        "converting": with_touches[Count.CONVERSIONS],
        "non_converting": with_touches[Count.NULLS],
        "unattributed": without[Count.CONVERSIONS],
        "conversion_rate": round(effects.conversion_rate, _DIGITS),
    }
    if drawn is not None:
        told["intervals"] = {"level": drawn.level, "replicates": drawn.replicates}
    return told


def _of_channels(
    name: str, effects: RemovalEffects, shared: ChannelCredit, drawn: Intervals | None
) -> Iterator[dict[str, Any]]:
    """Removal effect and shares of conversions, over all currencies."""
    whole = float(effects.effect.sum())
    markov_share = effects.effect / whole if whole else effects.effect
    for place, channel in enumerate(effects.channels):
        line: dict[str, Any] = {
            "conversion_type": name,
            "channel": channel,
            "removal_effect": _rounded(effects.effect[place]),
            "markov_share": _rounded(markov_share[place]),
            "shapley_share": _rounded(shared.share[place]),
        }
        if drawn is not None:
            line["removal_effect_interval"] = _ends(drawn.removal_effect[:, place])
            line["markov_share_interval"] = _ends(drawn.markov_share[:, place])
            line["shapley_share_interval"] = _ends(drawn.shapley_share[:, place])
        yield line


def _bootstrap(journeys: PathCounts, seed: int, cells: int) -> Intervals:
    """Fewer draws where there are very many paths or types. The same seed gives the same intervals."""
    replicates = cells // max(len(journeys.codes) + 3 * len(journeys), 1)
    return bootstrap(journeys, min(max(replicates, LEAST_REPLICATES), REPLICATES), LEVEL, seed)


def _without_money(paths: PathCounts) -> PathCounts:
    """Only what is counted, so that currencies can be added up."""
    counts = paths.counts.copy()
    counts[:, [Count.GROSS_MINOR, Count.NET_MINOR]] = 0
    return PathCounts(paths.channels, paths.offsets, paths.codes, counts)


def _is_reconciled(
    storage: Storage, tenant: Tenant, question: Question, found: dict[tuple[str, str, str], Amounts]
) -> bool:
    """Whether each model's credit and the unattributed are the ledger's conversions, to the unit."""
    rows = storage.rows(WORTH_BY_TYPE, tenant_id=tenant.tenant_id, params=question.params(), task=_TASK)
    worth = {
        (str(model), name, currency): Amounts(count * MICRO, net_count * MICRO, gross, net)
        for name, currency, count, net_count, gross, net in rows
        for model in PERIOD_MODELS
    }
    return all(worth.get(key, NOTHING) == found.get(key, NOTHING) for key in worth.keys() | found.keys())


def _key(tenant: Tenant, question: Question, conversion_type: str, currency: str) -> int:
    """A hash of a total's name, 64 bits."""
    period = question.period
    words = [tenant.tenant_id, period.first, period.end, period.timezone, conversion_type, currency]
    return int.from_bytes(hashlib.blake2b("\0".join(map(str, words)).encode(), digest_size=8).digest())


def _ends(interval: Any) -> list[float]:
    return [_rounded(end) for end in np.asarray(interval).tolist()]


def _rounded(number: float) -> float:
    return round(float(number), _DIGITS)
