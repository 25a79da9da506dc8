"""The connection to Temporal, the same for API, worker, replayer and tests."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from temporalio.client import Client, RetryConfig
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.plugin import SimplePlugin
from temporalio.runtime import Runtime, TelemetryConfig

WORKER_HEARTBEAT = timedelta(seconds=2)
"""Workers tell the server that often that they live; a worker silent for three of these is gone."""

BRIEF_RETRIES = RetryConfig(initial_interval_millis=100, max_elapsed_time_millis=1500, max_retries=3)
"""For the API: with the SDK's own ten seconds a caller would wait that long for a 503 (measured)."""


def plugin() -> SimplePlugin:
    """Everything client, worker and replayer must agree on, in one object."""
    return SimplePlugin(name="islanders", data_converter=pydantic_data_converter)


def connection_settings() -> Mapping[str, Any]:
    """Address, namespace, TLS and key as the SDK reads them: TEMPORAL_* variables or its own TOML file."""
    return ClientConfig.load_client_connect_config()


async def connect(*, identity: str) -> Client:
    """For workers: raises RuntimeError while the server is away."""
    return await Client.connect(**connection_settings(), plugins=[plugin()], runtime=runtime(), identity=identity)


async def connect_lazily(*, identity: str) -> Client:
    """For the API: serves before Temporal does, gives a call up soon."""
    return await Client.connect(
        **connection_settings(),
        plugins=[plugin()],
        runtime=runtime(),
        identity=identity,
        lazy=True,
        retry_config=BRIEF_RETRIES,
    )


def runtime() -> Runtime:
    """One per process, made before its client."""
    return Runtime(telemetry=TelemetryConfig(), worker_heartbeat_interval=WORKER_HEARTBEAT)
