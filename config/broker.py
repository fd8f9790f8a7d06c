"""What does Redis note of a message that a worker has taken? Of those that the sweep stands in for: nothing.

Kombu writes every message that it takes into a hash, and takes it out again when its task has ended: two transactions
a message, nearly half of what a worker's main process does. They are for a process that is killed: whoever looks,
`visibility_timeout` later, puts its messages back. A message of the queues in SWEPT is a wake-up, and what it asks for
is found again within seconds by the sweep, or asked for again by beat. So these are remembered by their worker alone,
which puts them back when it ends as it should.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis, virtual

from config.queues import SWEPT


class NotedUnlessSwept(redis.QoS):
    """What a worker has taken and not acknowledged."""

    def append(self, message: Any, delivery_tag: str) -> None:
        if _is_swept(message):
            virtual.QoS.append(self, message, delivery_tag)
        else:
            super().append(message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        if _is_swept(self._delivered.get(delivery_tag)):
            virtual.QoS.ack(self, delivery_tag)
        else:
            super().ack(delivery_tag)

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:
        """Put a message back into its queue."""
        message = self._delivered.get(tag)
        if _is_swept(message):
            virtual.Channel._restore(self.channel, message)
        else:
            super().restore_by_tag(tag, client, leftmost)


def _is_swept(message: Any) -> bool:
    return message is not None and message.delivery_info["routing_key"] in SWEPT


class Channel(redis.Channel):
    """Sends, takes and acknowledges through one client, where Kombu makes one for each message."""

    QoS = NotedUnlessSwept
    _sender: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:  # has a connection of its own, to wait on
            return super()._create_client(asynchronous=True)
        if self._sender is None or self._sender.connection_pool is not self.pool:  # after a fork the pool is another
            self._sender = super()._create_client()
        return self._sender


class SentinelChannel(Channel, redis.SentinelChannel):
    """The same, through Sentinels."""


class Transport(redis.Transport):
    """To a Redis."""

    Channel = Channel


class SentinelTransport(redis.SentinelTransport):
    """To the master that Sentinels name."""

    Channel = SentinelChannel


def use() -> None:
    """Have Kombu take these for URLs of Redis. By the URL: a transport named beside it is forgotten at a failover."""
    TRANSPORT_ALIASES.update(
        redis=f"{__name__}:Transport", rediss=f"{__name__}:Transport", sentinel=f"{__name__}:SentinelTransport"
    )
