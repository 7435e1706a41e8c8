"""Limits wrong tokens: a few at once per address, then one per second. Further ones are not checked.

Each address counts by itself, so that guessing doesn't block others. A /64 of IPv6 addresses, as every household has,
counts as one.
"""

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from time import monotonic

AT_ONCE, A_SECOND = 5, 1.0
# So many addresses are remembered; the rest count as one.
ADDRESSES = 1000
OTHERS = "others"


class Guesses:
    """For one thread. clock: in seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._full_at: dict[str, float] = {}  # when an address has all its guesses again

    def may(self, address: str) -> bool:
        """Whether to check a token from this address now."""
        return self._full_at.get(self._key(address), 0.0) - self._clock() <= (AT_ONCE - 1) / A_SECOND

    def was_wrong(self, address: str) -> None:
        now, key = self._clock(), self._key(address)
        self._full_at[key] = max(now, self._full_at.get(key, 0.0)) + 1 / A_SECOND

    def _key(self, address: str) -> str:
        key = network(address)
        if key not in self._full_at and len(self._full_at) >= ADDRESSES:
            now = self._clock()
            self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > now}
            if len(self._full_at) >= ADDRESSES:
                return OTHERS
        return key


def network(address: str) -> str:
    """The /64 of an IPv6 address, an IPv4 address itself, even if mapped to IPv6; OTHERS if it is no address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return OTHERS
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ip_network((int(parsed), 64), strict=False))
