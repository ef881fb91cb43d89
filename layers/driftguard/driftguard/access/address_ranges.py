"""Says how much of the internet a set of `aws:SourceIp` ranges lets in.

The measure is Amazon S3's: a range broader than /8 (IPv4) or /32 (IPv6) is the public, the private
ranges of RFC 1918 are not. Ranges are joined first, so that two halves of the internet are the
internet. What a library calls "private" or "global" plays no part: 240.0.0.0/4 is not private here,
and 203.0.113.0/24 is an address range like any other.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from .reach.intervals import both

Interval = tuple[int, int]  # first and last address

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
LARGEST = {4: 2 ** (32 - 8), 6: 2 ** (128 - 32)}
# Scattered ranges, none of them broad, that are a quarter of all addresses or more.
A_LOT = {4: 2**30, 6: 2**123}


def lets_the_world_in(allowed: Iterable[str]) -> bool:
    """Whether an arbitrary address on the internet may be in these ranges.

    A range that cannot be read counts as the world.
    """
    return lets_in_the_world([allowed], ())


def lets_in_the_world(wanted: Iterable[Iterable[str]], excluded: Iterable[str]) -> bool:
    """Whether an arbitrary address may be in a range of each wanted list and in no excluded one.

    A wanted range that cannot be read counts as the world; an excluded one as nothing.
    """
    lists = [[_network(text) for text in texts] for texts in wanted]
    minus = [network for text in excluded if (network := _network(text)) is not None]
    known = [networks for networks in lists if None not in networks]
    if not known:
        return True
    for version in (4, 6):
        left: list[Interval] | None = None
        for networks in known:
            public = _intervals(version, (n for n in networks if n is not None and not _private(n)))
            left = public if left is None else _in_both(left, public)
        if left and _is_broad(version, _subtract(left, _intervals(version, minus))):
            return True
    return False


def is_range(text: str) -> bool:
    return _network(text) is not None


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def _private(network: IPv4Network | IPv6Network) -> bool:
    return isinstance(network, IPv4Network) and any(
        network.subnet_of(IPv4Network(private)) for private in PRIVATE
    )


def _intervals(version: int, networks: Iterable[IPv4Network | IPv6Network]) -> list[Interval]:
    ordered = sorted(
        (int(network.network_address), int(network.broadcast_address))
        for network in networks
        if network.version == version
    )
    joined: list[Interval] = []
    for first, last in ordered:
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def _in_both(these: list[Interval], those: list[Interval]) -> list[Interval]:
    return [(int(first), int(last)) for first, last in both(tuple(these), tuple(those))]


def _subtract(intervals: list[Interval], holes: list[Interval]) -> list[Interval]:
    """What is in none of the holes. Both are in order, so that one walk does."""
    left: list[Interval] = []
    number = 0
    for start, last in intervals:
        first = start
        while number < len(holes) and holes[number][1] < first:
            number += 1
        following = number
        while first <= last and following < len(holes) and holes[following][0] <= last:
            hole_first, hole_last = holes[following]
            if first < hole_first:
                left.append((first, hole_first - 1))
            first = max(first, hole_last + 1)
            following += 1
        if first <= last:
            left.append((first, last))
    return left


def _is_broad(version: int, intervals: list[Interval]) -> bool:
    sizes = [last - first + 1 for first, last in intervals]
    return any(size > LARGEST[version] for size in sizes) or sum(sizes) >= A_LOT[version]
