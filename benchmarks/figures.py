"""Percentiles, and rows of them."""

import statistics
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def row(name: str, seconds: Sequence[float]) -> str:
    """p50, p95 and the longest, in milliseconds."""
    p50, p95 = (percentile(seconds, percent) * 1000 for percent in (50, 95))
    return f"{name:<42}{p50:>8.0f}{p95:>8.0f}{max(seconds) * 1000:>8.0f}"


HEADER = f"{'milliseconds':<42}{'p50':>8}{'p95':>8}{'max':>8}"
