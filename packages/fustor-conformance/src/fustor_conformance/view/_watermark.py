"""The released view's clock: its own, less the lag that realtime rows show most often."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

_SAMPLES = 10_000


class Watermark:
    """Seconds since the epoch as the source's file server would give them; source: fustor-core 0.8.17."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lags: deque[int] = deque(maxlen=_SAMPLES)
        self._counts: Counter[int] = Counter()
        self._lag: int | None = 0

    def sample(self, mtime: float) -> None:
        """Take the lag of a realtime row into account, in whole seconds."""
        lag = int(self._clock() - mtime)
        if len(self._lags) == _SAMPLES:
            oldest = self._lags[0]
            self._counts[oldest] -= 1
            if not self._counts[oldest]:
                del self._counts[oldest]
        self._lags.append(lag)
        self._counts[lag] += 1
        self._lag = None

    def now(self) -> float:
        """The time; of the lags seen equally often the smallest counts."""
        if self._lag is None:
            most = max(self._counts.values())
            self._lag = min(lag for lag, count in self._counts.items() if count == most)
        return self._clock() - self._lag
