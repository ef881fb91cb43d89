"""Says how much of the internet a set of `aws:SourceIp` ranges lets in.

The measure is Amazon S3's: a range broader than /8 (IPv4) or /32 (IPv6) is the public, the private
ranges of RFC 1918 are not. Ranges are joined first, so that two halves of the internet are the
internet. What a library calls "private" or "global" plays no part: 240.0.0.0/4 is not private here,
and 203.0.113.0/24 is an address range like any other.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

Interval = tuple[int, int]  # first and last address

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
LARGEST = {4: 2 ** (32 - 8), 6: 2 ** (128 - 32)}
# Scattered ranges, none of them broad, that are a quarter of all addresses or more.
A_LOT = {4: 2**30, 6: 2**123}


def lets_the_world_in(allowed: Iterable[str], excluded: Iterable[str] = ()) -> bool:
    """Whether an arbitrary address on the internet may be in `allowed` and not in `excluded`.

    An allowed range that cannot be read counts as the world; an excluded one as nothing.
    """
    networks = [_network(text) for text in allowed]
    if any(network is None for network in networks):
        return True
    minus = [network for text in excluded if (network := _network(text)) is not None]
    return any(
        _is_broad(
            version,
            _subtract(
                _intervals(version, (n for n in networks if n is not None and not _private(n))),
                _intervals(version, minus),
            ),
        )
        for version in (4, 6)
    )


def is_range(text: str) -> bool:
    return _network(text) is not None


def leaves_nothing(allowed: Iterable[str], excluded: Iterable[str]) -> bool:
    """Whether no address at all is in `allowed` and not in `excluded`."""
    networks = [_network(text) for text in allowed]
    minus = [network for text in excluded if (network := _network(text)) is not None]
    return None not in networks and not any(
        _subtract(
            _intervals(version, (n for n in networks if n is not None)), _intervals(version, minus)
        )
        for version in (4, 6)
    )


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


def _subtract(intervals: list[Interval], holes: list[Interval]) -> list[Interval]:
    left = intervals
    for hole_first, hole_last in holes:
        pieces: list[Interval] = []
        for first, last in left:
            if first < hole_first:
                pieces.append((first, min(last, hole_first - 1)))
            if last > hole_last:
                pieces.append((max(first, hole_last + 1), last))
        left = pieces
    return left


def _is_broad(version: int, intervals: list[Interval]) -> bool:
    sizes = [last - first + 1 for first, last in intervals]
    return any(size > LARGEST[version] for size in sizes) or sum(sizes) >= A_LOT[version]
