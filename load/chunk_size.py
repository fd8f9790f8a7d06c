"""How large must a chunk be? What one costs against its size: in small ones the queries' fixed part rules."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator
from functools import partial

from app.ledger.attribute import attribute
from app.storage.client import Storage
from app.tenants.tenant import Tenant
from config.settings import get_settings
from load.chunk import insert_conversions
from load.figures import Figure, compared, in_turns, of_rates
from load.setting import Setting
from load.touch_table import TENANT

SIZES, QUICK_SIZES = (100, 500, 1_000, 2_500, 5_000, 10_000, 20_000), (50, 200)


def measure(setting: Setting) -> Iterator[Figure]:
    sizes = QUICK_SIZES if setting.is_quick else SIZES
    storage, arrays = Storage(setting.settings), Storage(setting.settings, numpy=True)
    keys = insert_conversions(storage, setting.touches.conversions[: max(sizes)])
    setting.engine.execute("OPTIMIZE TABLE conversions FINAL")
    tenant, versions = Tenant(TENANT, "bench", "Bench"), itertools.count(2_000_000)

    def chunk(size: int) -> None:
        some = {tenant.tenant_id: keys[:size]}
        attribute(storage, arrays, [tenant], some, run_id="bench", version=next(versions), reason="reattribute")

    chunk(max(sizes))
    taken = dict(zip(sizes, in_turns([partial(chunk, size) for size in sizes], setting.rounds(7)), strict=True))
    usual = get_settings().chunk_conversions
    beside = usual if usual in taken else max(sizes)
    rates = {size: [size / seconds for seconds in taken[size]] for size in sizes}
    for size in sizes:
        work_ms = 1000 * statistics.median(taken[size])
        figure = of_rates(f"chunk_of_{size}", "conversions", rates[size], size, work_ms=work_ms)
        yield compared(figure, f"chunks of {beside}", statistics.median(rates[beside]))
    storage.close()
    arrays.close()
