"""A ClickHouse for one machine: chDB's in-process engine behind ClickHouse's native TCP protocol.

Only one process can open a chDB directory, and the engine does not survive a fork, while web and task workers
fork. So one process owns the directory and serves it on loopback; every other process uses clickhouse-driver
unchanged, as it would against clickhouse-server. Start it with `python -m workers.local.clickhouse`, or from
Python with `launch.LocalClickHouse`.
"""
