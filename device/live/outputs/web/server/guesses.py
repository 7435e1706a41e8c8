"""Wrong tokens, slowed down: of one address a few at once, then one a second. What is beyond that isn't looked at.

Each address is counted by itself, so that who guesses keeps nobody else out. Whoever has /64 of IPv6 addresses, as
every household does, counts as one.
"""

from ipaddress import IPv6Address, ip_address, ip_network
from time import monotonic

AT_ONCE, A_SECOND = 5, 1.0
# So many addresses are remembered; when there are more, the rest count as one.
ADDRESSES = 1000
OTHERS = "others"


class Guesses:
    """For one thread."""

    def __init__(self) -> None:
        self._full_at: dict[str, float] = {}  # when all that an address may guess at once is there again

    def may(self, address: str) -> bool:
        """Whether a token that comes from there now is to be looked at."""
        return self._full_at.get(self._key(address), 0.0) - monotonic() <= (AT_ONCE - 1) / A_SECOND

    def was_wrong(self, address: str) -> None:
        now, key = monotonic(), self._key(address)
        self._full_at[key] = max(now, self._full_at.get(key, 0.0)) + 1 / A_SECOND

    def _key(self, address: str) -> str:
        key = network(address)
        if key not in self._full_at and len(self._full_at) >= ADDRESSES:
            now = monotonic()
            self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > now}
            if len(self._full_at) >= ADDRESSES:
                return OTHERS
        return key


def network(address: str) -> str:
    """Of IPv6 the /64, of IPv4 the address itself, also where it is written as IPv6; OTHERS of what is no address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return OTHERS
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ip_network((int(parsed), 64), strict=False))
