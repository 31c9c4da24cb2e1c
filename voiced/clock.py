"""The time of the machines (transfer, attempt): seconds since the epoch that never step back or jump ahead.

What a call waits for is measured with it. The system's own clock may be set while somebody is on hold: set
back by an hour, it would leave them there for an hour longer.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

_BEGAN = time.time() - time.monotonic()


def steady() -> float:
    """Seconds since the epoch, as this process knew them when it began."""
    return _BEGAN + time.monotonic()


def moment(at: float) -> datetime | None:
    """Such seconds as a timestamp; None for 0, which means never."""
    return datetime.fromtimestamp(at, UTC) if at else None
