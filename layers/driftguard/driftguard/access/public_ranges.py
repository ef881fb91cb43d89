"""Says which ranges of addresses are the internet, alone or together with others.

A range is *public* when it is broader than /8 (IPv4) or /32 (IPv6) and not private. A range spelt
in pieces is the range it adds up to, and scattered ranges that make up half of the addresses in use
are the internet.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses
from typing import Final

Network = IPv4Network | IPv6Network

_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_PRIVATE: Final[Mapping[int, tuple[Network, ...]]] = {
    4: (
        IPv4Network("10.0.0.0/8"),
        IPv4Network("172.16.0.0/12"),
        IPv4Network("192.168.0.0/16"),
        IPv4Network("169.254.0.0/16"),
        IPv4Network("127.0.0.0/8"),
    ),
    6: (IPv6Network("fc00::/7"), IPv6Network("fe80::/10"), IPv6Network("::1/128")),
}
# The broadest prefix that is not public, how many addresses that is, and half of those in use:
# scattered ranges that add up to as many are the internet, however narrow each one is.
_LIMIT: Final[Mapping[int, int]] = {4: 8, 6: 32}
_LARGEST: Final[Mapping[int, int]] = {4: 2**24, 6: 2**96}
_MOST: Final[Mapping[int, int]] = {4: 2**31, 6: 2**124}


@lru_cache(maxsize=4096)
def parsed(cidr: str) -> Network | None:
    """The range as EC2 would canonicalise it: host bits dropped, spaces and zeros forgiven."""
    address, slash, length = (part.strip() for part in str(cidr).strip().partition("/"))
    if "." in address:
        # Python refuses 010.0.0.1 as it might be octal; people who write it mean ten.
        head, colon, tail = address.rpartition(":")
        octets = (octet.lstrip("0") or "0" if octet else "?" for octet in tail.split("."))
        address = head + colon + ".".join(octets)
    try:
        start = IPv6Address(address) if ":" in address else IPv4Address(address)
        if slash and not (length.isascii() and length.isdigit()):
            # The mask written out: 255.255.255.0. ipaddress reads it, and refuses the rest.
            return IPv4Network(f"{address}/{length}", strict=False) if "." in length else None
        prefix = int(length) if slash else start.max_prefixlen
        if not slash and int(start) == 0:
            return None  # "0.0.0.0" alone is nobody's address; whoever writes it means anyone.
        if isinstance(start, IPv4Address):
            return IPv4Network((start, prefix), strict=False)
        network = IPv6Network((int(start), prefix), strict=False)
    except ValueError:
        return None
    if network.subnet_of(_MAPPED):
        last = int(network.network_address) & 0xFFFFFFFF
        return IPv4Network((last, network.prefixlen - _MAPPED.prefixlen))
    return network


def public_together(networks: set[Network]) -> set[Network]:
    """Those networks that add up to public ones, leaving out what merely lies inside of another.

    An office address beside the internet is not part of the problem. Once the pieces are taken
    away, the next layer is looked at in the same way.
    """
    found: set[Network] = set()
    for version in (4, 6):
        left = {network for network in networks if network.version == version}
        while pieces := _pieces(_outermost(left), version):
            found |= pieces
            left -= pieces
    return found


def covers(outer: str, inner: str) -> bool:
    """Whether a range holds all of another; False where either cannot be read."""
    whole, part = parsed(outer), parsed(inner)
    return whole is not None and part is not None and _within(part, whole)


def meet(one: str, other: str) -> bool:
    """Whether two ranges have addresses in common: then one of them holds the other."""
    return covers(one, other) or covers(other, one)


def _pieces(networks: list[Network], version: int) -> set[Network]:
    outside = [network for network in networks if not _is_private(network)]
    sizes = {network: network.num_addresses for network in outside}
    # Collapsing is slow, and a handful of office ranges never gets anywhere near the limit.
    if sum(sizes.values()) <= _LARGEST[version]:
        return set()
    narrow = [network for network in outside if not is_public(network)]
    if sum(sizes[network] for network in narrow) >= _MOST[version]:
        return set(outside)
    blocks = [block for block in _collapse(outside) if is_public(block)]
    return {network for network in outside if any(_within(network, block) for block in blocks)}


def _outermost(networks: Iterable[Network]) -> list[Network]:
    outermost: list[Network] = []
    for network in sorted(networks, key=lambda n: (int(n.network_address), n.prefixlen)):
        if not outermost or not _within(network, outermost[-1]):
            outermost.append(network)
    return outermost


def _collapse(networks: Sequence[Network]) -> list[Network]:
    fours = [network for network in networks if isinstance(network, IPv4Network)]
    sixes = [network for network in networks if isinstance(network, IPv6Network)]
    return [*collapse_addresses(fours), *collapse_addresses(sixes)]


def is_public(network: Network) -> bool:
    """Whether this range alone is the internet."""
    if isinstance(network, IPv6Network) and _MAPPED.subnet_of(network):
        return True
    return network.prefixlen < _LIMIT[network.version] and not _is_private(network)


def _is_private(network: Network) -> bool:
    return any(_within(network, block) for block in _PRIVATE[network.version])


def _within(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network):
        return inner.subnet_of(outer)
    return False
