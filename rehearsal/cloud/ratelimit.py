"""How many requests a client may make."""

from __future__ import annotations

import math
import threading
import time
from collections import deque

from rehearsal.cloud.errors import CloudflareError, HetznerError


class HetznerLimit:
    """A bucket of `limit` requests that refills evenly within an hour: at 3600, one a second.

    https://docs.hetzner.cloud/reference/cloud, "Rate Limiting". A limit of 0 never refuses.
    """

    def __init__(self, limit: int = 3600) -> None:
        self.limit = limit
        self._left = float(limit)
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def take(self) -> dict[str, str]:
        """Spends one request and gives the headers of the answer.

        Raises:
            HetznerError: none is left.
        """
        if self.limit == 0:
            return {}
        with self._lock:
            moment = time.monotonic()
            self._left = min(float(self.limit), self._left + (moment - self._at) * self.limit / 3600)
            self._at = moment
            enough = self._left >= 1
            if enough:
                self._left -= 1
            headers = self.headers(int(self._left))
        if not enough:
            raise rate_limited(headers)
        return headers

    def headers(self, remaining: int) -> dict[str, str]:
        """RateLimit-Reset is when the bucket will be full again."""
        seconds = (self.limit - remaining) * 3600 / self.limit if self.limit else 0
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(remaining),
            "RateLimit-Reset": str(math.ceil(time.time() + seconds)),
        }


def rate_limited(headers: dict[str, str]) -> HetznerError:
    """The refusal."""
    return HetznerError(
        "rate_limit_exceeded", "Request limit reached. Please try again later", headers=headers
    )


class CloudflareLimit:
    """At most `limit` requests in any five minutes: 1200 for a user.

    https://developers.cloudflare.com/fundamentals/api/reference/limits/. A limit of 0 never refuses.
    """

    WINDOW = 300.0

    def __init__(self, limit: int = 1200) -> None:
        self.limit = limit
        self._made: deque[float] = deque()
        self._lock = threading.Lock()

    def take(self) -> dict[str, str]:
        """Spends one request and gives the headers of the answer.

        Raises:
            CloudflareError: too many were made; `Retry-After` says how long to wait.
        """
        if self.limit == 0:
            return {}
        with self._lock:
            moment = time.monotonic()
            while self._made and self._made[0] <= moment - self.WINDOW:
                self._made.popleft()
            if len(self._made) >= self.limit:
                raise throttled(math.ceil(self._made[0] + self.WINDOW - moment))
            self._made.append(moment)
            left = self.limit - len(self._made)
            reset = math.ceil(self._made[0] + self.WINDOW - moment)
        return {
            "Ratelimit": f'"default";r={left};t={reset}',
            "Ratelimit-Policy": f'"default";q={self.limit};w={int(self.WINDOW)}',
        }


def throttled(retry_after: int) -> CloudflareError:
    """The refusal."""
    return CloudflareError(
        429,
        971,
        "Please wait and consider throttling your request speed",
        headers={"Retry-After": str(retry_after)},
    )
