"""What Prometheus scrapes. One registry a daemon; figures that others keep are read when it is scraped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from voiced.esl import Client

_CALL_SECONDS: Final = (0.5, 1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 180)
_PROMISE_SECONDS: Final = (10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 28800, 86400)
_QUICK_SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1)


class Metrics:
    """The metrics of one daemon, by their names in DESIGN."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.transfers = Counter(
            "voice_transfers", "Transfers by result", ["status", "destination_type"], registry=registry
        )
        self.transfer_seconds = Histogram(
            "voice_transfers_duration_seconds", "From the request to the result", buckets=_CALL_SECONDS,
            registry=registry,
        )  # fmt: skip
        self.reaction_seconds = Histogram(
            "voice_transfer_reaction_seconds", "From the agent's answer, or key, to the bridge command",
            buckets=_QUICK_SECONDS, registry=registry,
        )  # fmt: skip
        self.extension_status_requests = Counter(
            "voice_extension_status_requests", "Questions for an extension's state", registry=registry
        )
        self.callbacks = Counter(
            "voice_callbacks", "Callbacks by the status they came to", ["status"], registry=registry
        )
        self.callback_attempts = Counter(
            "voice_callback_attempts", "Calls placed, by what became of them", ["outcome"], registry=registry
        )
        self.promise_seconds = Histogram(
            "voice_callback_promise_seconds", "From the promised time to the call that kept it",
            buckets=_PROMISE_SECONDS, registry=registry,
        )  # fmt: skip
        self.command_seconds = Histogram(
            "esl_command_seconds", "From a command to its reply", buckets=_QUICK_SECONDS, registry=registry
        )

    def read(self, collect: Callable[[], Iterable[Metric]]) -> None:
        """Ask this for figures at each scrape."""
        self.registry.register(_Reader(collect))

    def text(self) -> bytes:
        """The exposition, `text/plain; version=0.0.4`."""
        return generate_latest(self.registry)


class _Reader(Collector):
    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        return self._collect()

    def describe(self) -> Iterable[Metric]:
        return ()


def esl_figures(client: Client) -> Iterator[Metric]:
    """What the event socket's client has counted."""
    yield GaugeMetricFamily("esl_connected", "Logged in and subscribed", value=float(client.is_connected))
    stats = client.stats
    events = CounterMetricFamily("esl_events", "Events received", labels=["name"])
    for event, count in sorted(client.events_seen.items()):
        events.add_metric([event.decode("utf-8", "replace")], count)
    yield events
    commands = CounterMetricFamily("esl_commands", "Commands by what came of them", labels=["result"])
    for result, count in sorted(stats.commands.items()):
        commands.add_metric([result], count)
    yield commands
    for counter, text, value in (
        ("esl_reconnects", "Connections lost", stats.reconnects),
        ("esl_events_overflowed", "Events dropped by slow consumers", stats.events_overflowed),
        ("esl_listener_errors", "Listeners that raised", stats.listener_errors),
        ("esl_protocol_errors", "Connections ended for bytes that are no frames", stats.protocol_errors),
    ):
        yield CounterMetricFamily(counter, text, value=value)
