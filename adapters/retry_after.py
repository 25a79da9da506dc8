"""The Retry-After header of HTTP (RFC 9110, section 10.2.3)."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_SECONDS = 86_400.0


def retry_after_seconds(header: str | None) -> float | None:
    """Seconds from either of its forms, at most a day; None without a readable one."""
    said = (header or "").strip()
    if said.isascii() and said.isdigit():
        return min(float(said), LONGEST_SECONDS)
    try:
        moment = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = math.ceil((aware - datetime.now(UTC)).total_seconds())
    return min(max(0.0, seconds), LONGEST_SECONDS)
