"""Finds the sources of a security group that let the internet reach an unlisted port.

Pure and cheap to import. Three questions, each a function: is this range the internet
(`is_public_range`), does this rule reach more than the listed ports (`reaches_unlisted_port`), and
which sources answer yes to both (`openings`, `open_sources`, `minimal_revoke`). What cannot be read
is taken for open: nothing here raises, and nothing unreadable passes for harmless.

Decisions that are not obvious, with what they rest on:

- A range is *public* when it is broader than /8 (IPv4) or /32 (IPv6) and not private, which is how
  S3 defines "public" for `aws:SourceIp`. A range spelt in pieces is the range it adds up to, and
  scattered ranges that make up half of the addresses in use are the internet. Sources add up where
  their rules meet on a port, in one permission or in several. A private piece is no offender.
- The allow-list names tcp ports: 80 and 443 are the web, which is tcp (the Config rule behind
  Security Hub EC2.18 keeps a list of udp ports apart). Any other number that an owner lists is
  meant for udp as well, since one list serves both.
- Every protocol but tcp, udp and icmp reaches all ports, whatever ports the rule names: so EC2
  documents IpPermission. ICMP has types, not ports, and is no finding.
- A prefix list of which the ranges are not known is no evidence: whoever asks has to look it up.
- Open egress is what AWS gives every new group. It is no risk by itself, and nothing to revoke.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from driftguard.frozen import dataclass

from .public_ranges import Network, is_public, parsed, public_together

WEB_PORTS: Final = (80, 443)
NO_PREFIX_LISTS: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})

_LAST_PORT: Final = 65535
_ALL: Final = "all"
_ICMP: Final = "icmp"
_PROTOCOLS: Final = MappingProxyType(
    {"-1": _ALL, "any": _ALL, "*": _ALL, "6": "tcp", "17": "udp"}
    | dict.fromkeys(("1", "58", "icmpv4", "icmpv6", "icmp6", "ipv6-icmp"), _ICMP)
)
_SERVICE: Final = ("IpProtocol", "FromPort", "ToPort")
# The list in the permission, the name of a source in it, and other spellings of that name.
_SOURCES: Final = (
    ("IpRanges", "CidrIp", ("CidrIpv4", "CidrIpv6")),
    ("Ipv6Ranges", "CidrIpv6", ("CidrIp",)),
    ("PrefixListIds", "PrefixListId", ()),
)


@dataclass(frozen=True, slots=True)
class OpenSource:
    """One source that lets the internet in: its list, its entry there as given, and why."""

    field: str
    entry: Mapping[str, object]
    because: str


@dataclass(frozen=True, slots=True)
class OpenPermission:
    """A permission and those of its sources that let the internet in; its siblings are left out."""

    permission: Mapping[str, object]
    sources: tuple[OpenSource, ...]

    def revoke(self) -> dict[str, object]:
        """The boto3 IpPermission that takes away these sources and nothing else."""
        taken = {name: _field(self.permission, name) for name in _SERVICE}
        for field, _, _ in _SOURCES:
            taken[field] = [dict(source.entry) for source in self.sources if source.field == field]
        return {name: value for name, value in taken.items() if value not in (None, [])}


def is_public_range(cidr: str) -> bool:
    """Whether this range is broad enough to be the internet; a range that cannot be read is.

    >>> is_public_range("208.236.235.254/0"), is_public_range("203.0.113.0/24")
    (True, False)
    """
    network = parsed(cidr)
    return network is None or is_public(network)


def reaches_unlisted_port(
    protocol: str, from_port: int | None, to_port: int | None, allowed: Collection[int]
) -> bool:
    """Whether a rule with this protocol and these ports reaches a port that is not on the list.

    >>> reaches_unlisted_port("tcp", 443, 443, (80, 443)), reaches_unlisted_port("-1", 443, 443, ())
    (False, True)
    """
    return _Reach.of(protocol, from_port, to_port).exceeds(_ports(allowed))


def open_sources(
    permission: Mapping[str, object],
    *,
    allowed_public_ports: Collection[int] = WEB_PORTS,
    prefix_lists: Mapping[str, Sequence[str]] = NO_PREFIX_LISTS,
) -> tuple[OpenSource, ...]:
    """The sources of one boto3 ingress IpPermission that let the internet reach an unlisted port.

    A prefix list that `prefix_lists` does not name is no evidence either way, and stays.
    """
    found = openings(
        (permission,), allowed_public_ports=allowed_public_ports, prefix_lists=prefix_lists
    )
    return found[0].sources if found else ()


def minimal_revoke(
    ip_permissions: Sequence[Mapping[str, object]],
    *,
    direction: str = "ingress",
    allowed_public_ports: Collection[int] = WEB_PORTS,
    prefix_lists: Mapping[str, Sequence[str]] = NO_PREFIX_LISTS,
) -> list[dict[str, object]]:
    """The boto3 IpPermissions to revoke: the offending sources alone, as they were given."""
    return [
        opening.revoke()
        for opening in openings(
            ip_permissions,
            direction=direction,
            allowed_public_ports=allowed_public_ports,
            prefix_lists=prefix_lists,
        )
    ]


def openings(
    ip_permissions: Sequence[Mapping[str, object]],
    *,
    direction: str = "ingress",
    allowed_public_ports: Collection[int] = WEB_PORTS,
    prefix_lists: Mapping[str, Sequence[str]] = NO_PREFIX_LISTS,
) -> tuple[OpenPermission, ...]:
    """Every permission that lets the internet in, in order, each with its offending sources."""
    if str(direction).strip().lower() == "egress":
        return ()
    allowed = _ports(allowed_public_ports)
    rules = [
        _Rule(permission, _Reach.of_permission(permission), _sources(permission, prefix_lists))
        for permission in ip_permissions
        if isinstance(permission, Mapping)
    ]
    public = {network for rule in rules for network in rule.networks() if is_public(network)}
    pieces: list[set[Network]] = [set() for _ in rules]
    for pool in _pools([rule.reach for rule in rules], allowed):
        together = public_together({n for index in pool for n in rules[index].networks()})
        for index in pool:
            pieces[index] |= together
    found = []
    for rule, parts in zip(rules, pieces, strict=True):
        if rule.reach.exceeds(allowed) and (sources := rule.offending(public, parts)):
            found.append(OpenPermission(rule.permission, sources))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Reach:
    """What a rule lets through: a protocol, and a span of its ports (all, if it has none)."""

    protocol: str
    first: int = 0
    last: int = _LAST_PORT

    @classmethod
    def of(cls, protocol: object, from_port: object, to_port: object) -> "_Reach":
        name = _protocol(protocol)
        if name not in ("tcp", "udp"):
            return cls(name)
        # EC2 spells "any port" as -1, as 0-65535, or by leaving the ports out.
        first, last = _integer(from_port), _integer(to_port)
        first = 0 if first is None or first < 0 else first
        last = _LAST_PORT if last is None or last < 0 else last
        # No such span exists, so that what was meant cannot be told: all of it.
        return cls(name, first, last) if first <= last else cls(name)

    @classmethod
    def of_permission(cls, permission: Mapping[str, object]) -> "_Reach":
        return cls.of(*(_field(permission, name) for name in _SERVICE))

    def exceeds(self, allowed: frozenset[int]) -> bool:
        if self.protocol == _ICMP:
            return False
        listed = sum(self.first <= port <= self.last for port in _listed(self.protocol, allowed))
        return listed <= self.last - self.first

    def includes(self, protocol: str, port: int) -> bool:
        return self.protocol in (_ALL, protocol) and self.first <= port <= self.last

    def __str__(self) -> str:
        if self.protocol == _ALL:
            return "every protocol"
        if self.protocol not in ("tcp", "udp"):
            return f"protocol {self.protocol}"
        if self.first == self.last:
            return f"{self.protocol} {self.first}"
        return f"{self.protocol} {self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class _Source:
    """A range, or a prefix list with all its ranges; None stands for one that cannot be read."""

    field: str
    entry: Mapping[str, object]
    name: str
    networks: tuple[Network | None, ...]


@dataclass(frozen=True, slots=True)
class _Rule:
    permission: Mapping[str, object]
    reach: _Reach
    sources: tuple[_Source, ...]

    def networks(self) -> Iterable[Network]:
        return (n for source in self.sources for n in source.networks if n is not None)

    def offending(self, public: set[Network], pieces: set[Network]) -> tuple[OpenSource, ...]:
        found = []
        for source in self.sources:
            if any(network in public for network in source.networks):
                why = f"{source.name} is open to the internet"
            elif None in source.networks:
                why = f"{source.name} cannot be read as a range, so it counts as the internet"
            elif any(network in pieces for network in source.networks):
                why = f"{source.name} is part of ranges that together are open to the internet"
            else:
                continue
            found.append(OpenSource(source.field, source.entry, f"{why} on {self.reach}"))
        return tuple(found)


def _sources(
    permission: Mapping[str, object], prefix_lists: Mapping[str, Sequence[str]]
) -> tuple[_Source, ...]:
    found = []
    for field, key, aliases in _SOURCES:
        for item in _entries(_field(permission, field)):
            entry = item if isinstance(item, Mapping) else {key: item}
            names = (_field(entry, name) for name in (key, *aliases))
            value = next((name for name in names if name is not None), None)
            if value is None:
                continue  # An entry without a source lets nobody in.
            networks: Iterable[object] = (value,)
            if field == "PrefixListIds":
                networks = _entries(_field(prefix_lists, str(value)))
            found.append(_Source(field, entry, str(value), tuple(map(_network, networks))))
    return tuple(found)


def _pools(reaches: Sequence[_Reach], allowed: frozenset[int]) -> set[frozenset[int]]:
    """The sets of rules that meet on some unlisted port, so that their sources add up there.

    Where rules overlap on an unlisted port, they do so at the start of one of them or just behind
    a listed port: those are the only ports worth looking at.
    """
    pools = set()
    starts = {reach.first for reach in reaches} | {port + 1 for port in allowed}
    for protocol in {reach.protocol for reach in reaches if reach.exceeds(allowed)}:
        for port in starts - _listed(protocol, allowed):
            pool = frozenset(i for i, r in enumerate(reaches) if r.includes(protocol, port))
            pools.add(pool)
    return pools


def _network(value: object) -> Network | None:
    """The range in an entry of a prefix list or of a permission; None if it cannot be read."""
    if isinstance(value, Mapping):
        value = _field(value, "Cidr")
    return parsed(value) if isinstance(value, str) else None


def _protocol(value: object) -> str:
    number = _integer(value)
    name = str(value).strip().lower() if number is None else str(number)
    if value is None or not name:
        return _ALL
    return _PROTOCOLS.get(name, name)


def _listed(protocol: str, allowed: frozenset[int]) -> frozenset[int]:
    if protocol == "tcp":
        return allowed
    return allowed.difference(WEB_PORTS) if protocol == "udp" else frozenset()


def _ports(allowed: Iterable[object]) -> frozenset[int]:
    """The list as numbers. An entry that is no number names no port, and allows none."""
    values = (
        allowed if isinstance(allowed, Iterable) and not isinstance(allowed, str) else [allowed]
    )
    ports = (_integer(value) for value in values)
    return frozenset(port for port in ports if port is not None and 0 <= port <= _LAST_PORT)


def _integer(value: object) -> int | None:
    """A whole number in any of the types it comes in: records write ports as strings, too."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        text = value.strip()
        digits = text.removeprefix("-")
        # Nine digits are more than any port or protocol has, and int() refuses thousands.
        if digits.isascii() and digits.isdigit() and len(digits) < 10:
            return int(text)
    return None


def _field(mapping: Mapping[str, object] | Mapping[str, Sequence[str]], name: str) -> object:
    """A field by its name; records spell the first letter small, so case is forgiven."""
    if name in mapping:
        return mapping[name]
    folded = name.lower()
    for key, value in mapping.items():
        if isinstance(key, str) and key.lower() == folded:
            return value
    return None


def _entries(value: object) -> Iterable[object]:
    """A list as such, wrapped in {"items": [...]}, or one entry that should have been a list."""
    if isinstance(value, Mapping):
        items = _field(value, "items")
        return _entries(items) if items is not None else [value] if value else []
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return value
    return [] if value is None else [value]
