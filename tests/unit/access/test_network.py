"""What counts as open to the internet in a security group, each case by its AWS document."""

import ipaddress
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from driftguard.access.network import (
    is_public_range,
    minimal_revoke,
    open_sources,
    openings,
    reaches_unlisted_port,
)
from tests.support.each import each
from tests.support.properties import thoroughly

# The documents that the cases follow.
PUBLIC = 'S3 User Guide, "The meaning of public": broader than /8 or /32, RFC 1918 excluded'
CANONICAL = "EC2 API, AuthorizeSecurityGroupIngress: CIDRs are canonicalised"
PERMISSION = "EC2 API, IpPermission: -1 and unknown protocols allow all ports"
REVOKE = "EC2 API, RevokeSecurityGroupIngress: by permission, each source by itself"
EC2_18 = "Security Hub, EC2.18: unrestricted only on authorized ports, tcp 80 and 443"
CONFIG = "AWS Config, vpc-sg-open-only-to-authorized-ports: tcp and udp have lists of their own"
PREFIXES = "VPC User Guide, Managed prefix lists"
EGRESS = "VPC User Guide, Security groups: a new group allows all outbound traffic"
ICMP = "EC2 API, IpPermission: FromPort and ToPort of ICMP are type and code"
RFC_4193 = "RFC 4193: unique local addresses"
RFC_4291 = "RFC 4291: IPv6 addressing"
GUARD = "Driftguard: what cannot be read is taken for open"

RANGES = [
    ("0.0.0.0/0", True, PUBLIC),
    ("::/0", True, PUBLIC),
    ("0.0.0.0/1", True, PUBLIC),
    ("128.0.0.0/1", True, PUBLIC),
    ("64.0.0.0/2", True, PUBLIC),
    ("8.0.0.0/7", True, PUBLIC),
    ("8.0.0.0/8", False, PUBLIC),
    ("224.0.0.0/4", True, PUBLIC),
    ("203.0.113.0/24", False, PUBLIC),
    ("203.0.113.7/32", False, PUBLIC),
    ("203.0.113.7", False, PUBLIC),
    ("0.0.0.0/32", False, PUBLIC),
    ("0.0.0.0/8", False, PUBLIC),
    ("10.0.0.0/8", False, PUBLIC),
    ("10.0.0.0/7", True, PUBLIC),
    ("172.16.0.0/12", False, PUBLIC),
    ("192.168.0.0/16", False, PUBLIC),
    ("208.236.235.254/0", True, CANONICAL),
    ("10.0.0.1/0", True, CANONICAL),
    ("192.168.1.1/1", True, CANONICAL),
    ("100.68.0.18/18", False, CANONICAL),
    ("10.1.2.3/8", False, CANONICAL),
    (" 0.0.0.0/0 ", True, CANONICAL),
    ("0.0.0.0 / 0", True, CANONICAL),
    ("0.0.0.0/00", True, CANONICAL),
    ("0.0.0.0/032", False, CANONICAL),
    ("000.000.000.000/0", True, CANONICAL),
    ("010.000.000.000/8", False, CANONICAL),
    ("203.000.113.007/32", False, CANONICAL),
    ("0.0.0.0/0.0.0.0", True, CANONICAL),
    ("10.0.0.0/255.0.0.0", False, CANONICAL),
    ("::/1", True, PUBLIC),
    ("8000::/1", True, PUBLIC),
    ("2000::/3", True, PUBLIC),
    ("2600::/12", True, PUBLIC),
    ("2001:db8::/31", True, PUBLIC),
    ("2001:db8::/32", False, PUBLIC),
    ("2001:DB8::/32", False, PUBLIC),
    ("2001:db8::1/128", False, PUBLIC),
    ("2001:db8::1", False, PUBLIC),
    ("0:0:0:0:0:0:0:0/0", True, PUBLIC),
    ("0000:0000:0000:0000:0000:0000:0000:0000/0", True, PUBLIC),
    ("2001:db8:85a3::8a2e:370:7334/0", True, CANONICAL),
    ("::/128", False, PUBLIC),
    ("fc00::/7", False, RFC_4193),
    ("fd00::/8", False, RFC_4193),
    ("FD12:3456::/32", False, RFC_4193),
    ("f800::/5", True, RFC_4193),
    ("fe80::/10", False, RFC_4291),
    ("fe00::/9", True, RFC_4291),
    ("ff00::/8", True, PUBLIC),
    ("::ffff:0.0.0.0/96", True, RFC_4291),
    ("::ffff:0:0/96", True, RFC_4291),
    ("::FFFF:0.0.0.0/97", True, RFC_4291),
    ("::ffff:10.0.0.0/104", False, RFC_4291),
    ("::ffff:203.0.113.7/128", False, RFC_4291),
    ("0.0.0.0", True, GUARD),
    ("::", True, GUARD),
    ("", True, GUARD),
    ("any", True, GUARD),
    ("0/0", True, GUARD),
    ("0.0.0.0/-1", True, GUARD),
    ("0.0.0.0/33", True, GUARD),
    ("10.0.0.0/", True, GUARD),
    ("10.0.0/8", True, GUARD),
    ("10.0.0.0/8/8", True, GUARD),
    ("10.0..0/8", True, GUARD),
    ("10.0.0.0/٨", True, GUARD),
    ("10.0.0.0/" + "9" * 5000, True, GUARD),
    ("300.0.0.0/8", True, GUARD),
    ("2001:db8::/129", True, GUARD),
]


@each(("cidr", "public", "source"), RANGES)
def test_a_range_is_public_by_its_breadth_and_not_by_its_spelling(
    cidr: str, public: bool, source: str
) -> None:
    assert is_public_range(cidr) is public, source


WEB = [80, 443]
SERVICES = [
    ("tcp", 22, 22, WEB, True, EC2_18),
    ("tcp", 80, 80, WEB, False, EC2_18),
    ("tcp", 443, 443, WEB, False, EC2_18),
    ("tcp", 80, 443, WEB, True, EC2_18),
    ("tcp", 443, 444, WEB, True, EC2_18),
    ("tcp", 79, 80, WEB, True, EC2_18),
    ("tcp", 0, 65535, WEB, True, EC2_18),
    ("tcp", 0, 0, WEB, True, EC2_18),
    ("tcp", 1, 65535, WEB, True, EC2_18),
    ("tcp", 8443, 8443, WEB, True, EC2_18),
    ("tcp", 8443, 8443, [80, 443, 8443], False, EC2_18),
    ("tcp", 80, 81, [80, 81], False, EC2_18),
    ("tcp", 80, 82, [80, 81], True, EC2_18),
    ("tcp", 80, 82, [82, 80, 81, 80], False, EC2_18),
    ("tcp", 443, 443, [], True, EC2_18),
    ("tcp", 80, 80, [443], True, EC2_18),
    ("tcp", 22, 22, [22], False, EC2_18),
    ("tcp", 443, 443, ["443"], False, EC2_18),
    ("tcp", 443, 443, [443.0, None, "https", True], False, EC2_18),
    ("tcp", 1, 1, [True], True, EC2_18),
    ("tcp", 0, 65535, range(65536), False, EC2_18),
    ("TCP", 443, 443, WEB, False, PERMISSION),
    (" tcp ", 22, 22, WEB, True, PERMISSION),
    ("6", 443, 443, WEB, False, PERMISSION),
    ("6", 22, 22, WEB, True, PERMISSION),
    (6, 22, 22, WEB, True, PERMISSION),
    (6, 443, 443, WEB, False, PERMISSION),
    ("06", 443, 443, WEB, False, PERMISSION),
    ("tcp", "443", "443", WEB, False, PERMISSION),
    ("tcp", "22", "22", WEB, True, PERMISSION),
    ("tcp", 443.0, 443.0, WEB, False, PERMISSION),
    ("tcp", None, None, WEB, True, PERMISSION),
    ("tcp", 443, None, WEB, True, PERMISSION),
    ("tcp", None, 443, WEB, True, PERMISSION),
    ("tcp", -1, -1, WEB, True, PERMISSION),
    ("tcp", 443, 80, WEB, True, GUARD),
    ("tcp", 81, 80, [80, 81], True, GUARD),
    ("tcp", "ssh", "ssh", WEB, True, GUARD),
    ("tcp", True, True, [1], True, GUARD),
    ("udp", 53, 53, WEB, True, CONFIG),
    ("udp", 443, 443, WEB, True, CONFIG),
    ("udp", 80, 80, WEB, True, CONFIG),
    ("17", 443, 443, WEB, True, CONFIG),
    (17, 1194, 1194, WEB, True, CONFIG),
    ("udp", 1194, 1194, [80, 443, 1194], False, CONFIG),
    ("17", 1194, 1194, [1194], False, CONFIG),
    ("-1", None, None, WEB, True, PERMISSION),
    (-1, None, None, WEB, True, PERMISSION),
    ("-1", 443, 443, WEB, True, PERMISSION),
    ("-1", 0, 0, WEB, True, PERMISSION),
    ("-1", None, None, range(65536), True, PERMISSION),
    ("all", None, None, WEB, True, PERMISSION),
    (None, None, None, WEB, True, PERMISSION),
    ("", 443, 443, WEB, True, PERMISSION),
    ("icmp", -1, -1, WEB, False, ICMP),
    ("icmp", 8, -1, WEB, False, ICMP),
    ("icmp", 8, 0, WEB, False, ICMP),
    ("ICMP", None, None, WEB, False, ICMP),
    ("1", 8, 0, WEB, False, ICMP),
    (1, -1, -1, WEB, False, ICMP),
    ("icmpv6", -1, -1, WEB, False, ICMP),
    ("58", -1, -1, WEB, False, ICMP),
    (58, None, None, WEB, False, ICMP),
    ("47", None, None, WEB, True, PERMISSION),
    ("50", None, None, WEB, True, PERMISSION),
    ("51", -1, -1, WEB, True, PERMISSION),
    ("132", 443, 443, WEB, True, PERMISSION),
    ("2", None, None, WEB, True, PERMISSION),
    ("0", None, None, WEB, True, PERMISSION),
    ("sctp", 443, 443, WEB, True, PERMISSION),
    ("nonsense", 443, 443, WEB, True, GUARD),
]


@each(("protocol", "first", "last", "allowed", "reaches", "source"), SERVICES)
def test_a_rule_reaches_more_than_the_listed_ports(
    protocol: str, first: int, last: int, allowed: list[int], reaches: bool, source: str
) -> None:
    assert reaches_unlisted_port(protocol, first, last, allowed) is reaches, source


def permission(
    *cidrs: str, protocol: object = "tcp", ports: tuple[object, object] | None = (22, 22)
) -> dict[str, object]:
    """A boto3 IpPermission as DescribeSecurityGroups returns it, with all of its lists."""
    made: dict[str, object] = {"IpProtocol": protocol}
    if ports:
        made |= {"FromPort": ports[0], "ToPort": ports[1]}
    made["IpRanges"] = [{"CidrIp": cidr} for cidr in cidrs if ":" not in cidr]
    made["Ipv6Ranges"] = [{"CidrIpv6": cidr} for cidr in cidrs if ":" in cidr]
    return made | {"PrefixListIds": [], "UserIdGroupPairs": []}


def revoke(
    *cidrs: str, protocol: object = "tcp", ports: tuple[object, object] | None = (22, 22)
) -> dict[str, object]:
    """What is to be revoked: the same without the lists that are empty."""
    made = permission(*cidrs, protocol=protocol, ports=ports)
    return {name: value for name, value in made.items() if value != []}


def with_prefix_lists(*ids: str) -> dict[str, object]:
    return permission() | {"PrefixListIds": [{"PrefixListId": name} for name in ids]}


def revoke_prefix_lists(*ids: str) -> dict[str, object]:
    return revoke() | {"PrefixListIds": [{"PrefixListId": name} for name in ids]}


OFFICE = "203.0.113.0/24"
SLASH_8 = [f"{first}.0.0.0/8" for first in range(256)]
LISTS: dict[str, Any] = {
    "pl-office": [OFFICE, "198.51.100.0/24"],
    "pl-open": [OFFICE, "0.0.0.0/0"],
    "pl-open6": ["::/0"],
    "pl-low": ["0.0.0.0/1"],
    "pl-unreadable": ["everywhere"],
    "pl-empty": [],
    "pl-entries": [{"Cidr": "0.0.0.0/0", "Description": "as GetManagedPrefixListEntries says"}],
    "pl-even": SLASH_8[::2],
    "pl-odd": SLASH_8[1::2],
    "pl-null": None,
}
described = {"CidrIp": "0.0.0.0/0", "Description": "temporary"}

GROUPS = {
    "nothing is allowed": ([], [], REVOKE),
    "ssh from the internet": ([permission("0.0.0.0/0")], [revoke("0.0.0.0/0")], REVOKE),
    "ssh from the internet by IPv6": ([permission("::/0")], [revoke("::/0")], REVOKE),
    "ssh from both": ([permission("0.0.0.0/0", "::/0")], [revoke("0.0.0.0/0", "::/0")], REVOKE),
    "ssh from the office": ([permission(OFFICE)], [], REVOKE),
    "the office stays beside the internet": (
        [permission(OFFICE, "0.0.0.0/0", "10.0.0.0/8")],
        [revoke("0.0.0.0/0")],
        REVOKE,
    ),
    "the private IPv6 range stays": (
        [permission("fd00::/8", "::/0", "10.0.0.0/8")],
        [revoke("::/0")],
        REVOKE,
    ),
    "the web stays, ssh goes": (
        [permission("0.0.0.0/0", "::/0", ports=(443, 443)), permission("0.0.0.0/0")],
        [revoke("0.0.0.0/0")],
        EC2_18,
    ),
    "the web by number stays": (
        [permission("0.0.0.0/0", protocol="6", ports=(80, 80))],
        [],
        PERMISSION,
    ),
    "ssh by number is given back by number": (
        [permission("0.0.0.0/0", protocol="6")],
        [revoke("0.0.0.0/0", protocol="6")],
        PERMISSION,
    ),
    "a span over both web ports": (
        [permission("0.0.0.0/0", ports=(80, 443))],
        [revoke("0.0.0.0/0", ports=(80, 443))],
        EC2_18,
    ),
    "all traffic has no ports": (
        [permission("0.0.0.0/0", OFFICE, protocol="-1", ports=None)],
        [revoke("0.0.0.0/0", protocol="-1", ports=None)],
        PERMISSION,
    ),
    "all traffic with ports as records write it": (
        [permission("0.0.0.0/0", protocol="-1", ports=(0, 0))],
        [revoke("0.0.0.0/0", protocol="-1", ports=(0, 0))],
        PERMISSION,
    ),
    "all tcp ports": (
        [permission("::/0", ports=(0, 65535))],
        [revoke("::/0", ports=(0, 65535))],
        PERMISSION,
    ),
    "ping": ([permission("0.0.0.0/0", protocol="icmp", ports=(8, -1))], [], ICMP),
    "all ICMPv6": ([permission("::/0", protocol="icmpv6", ports=(-1, -1))], [], ICMP),
    "a tunnel from anywhere": (
        [permission("0.0.0.0/0", protocol="47", ports=None)],
        [revoke("0.0.0.0/0", protocol="47", ports=None)],
        PERMISSION,
    ),
    "dns over udp": (
        [permission("0.0.0.0/0", protocol="udp", ports=(53, 53))],
        [revoke("0.0.0.0/0", protocol="udp", ports=(53, 53))],
        CONFIG,
    ),
    "host bits are kept as they were given": (
        [permission("208.236.235.254/0")],
        [revoke("208.236.235.254/0")],
        CANONICAL,
    ),
    "the description is kept": (
        [permission(OFFICE) | {"IpRanges": [{"CidrIp": OFFICE, "Description": "us"}, described]}],
        [revoke() | {"IpRanges": [described]}],
        REVOKE,
    ),
    "two halves of the internet": (
        [permission("0.0.0.0/1", "128.0.0.0/1", OFFICE)],
        [revoke("0.0.0.0/1", "128.0.0.0/1")],
        PUBLIC,
    ),
    "two halves of IPv6": (
        [permission("::/1", "8000::/1", "2001:db8::/48")],
        [revoke("::/1", "8000::/1")],
        PUBLIC,
    ),
    "one half only": ([permission("128.0.0.0/1")], [revoke("128.0.0.0/1")], PUBLIC),
    "four quarters": (
        [permission("0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2")],
        [revoke("0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2")],
        PUBLIC,
    ),
    "the internet as 256 ranges, the office beside it": (
        [permission(*SLASH_8, OFFICE)],
        [revoke(*(c for c in SLASH_8 if c not in ("10.0.0.0/8", "127.0.0.0/8")))],
        PUBLIC,
    ),
    "every other range of the internet, and one more": (
        [permission(*SLASH_8[1::2], SLASH_8[4])],
        [revoke(*(c for c in SLASH_8[1::2] if c != "127.0.0.0/8"), SLASH_8[4])],
        PUBLIC,
    ),
    "a public range in two pieces": (
        [permission("2.0.0.0/8", "3.0.0.0/9", "3.128.0.0/9", "3.4.5.0/24")],
        [revoke("2.0.0.0/8", "3.0.0.0/9", "3.128.0.0/9")],
        PUBLIC,
    ),
    "neighbors that are no larger range": ([permission("3.0.0.0/8", "4.0.0.0/8")], [], PUBLIC),
    "scattered ranges": ([permission("3.0.0.0/8", "13.0.0.0/8", "54.0.0.0/8")], [], PUBLIC),
    "private ranges never add up": (
        [permission("10.0.0.0/8", "11.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")],
        [],
        PUBLIC,
    ),
    "a range within a public range is a layer of its own": (
        [permission("0.0.0.0/0", "0.0.0.0/1", "1.0.0.0/8", OFFICE)],
        [revoke("0.0.0.0/0", "0.0.0.0/1")],
        PUBLIC,
    ),
    "the internet in two permissions": (
        [permission(*SLASH_8[:100]), permission(*SLASH_8[100:], OFFICE, ports=(20, 25))],
        [
            revoke(*(c for c in SLASH_8[:100] if c != "10.0.0.0/8")),
            revoke(*(c for c in SLASH_8[100:] if c != "127.0.0.0/8"), ports=(20, 25)),
        ],
        PUBLIC,
    ),
    "pieces that meet on an unlisted port": (
        [permission("2.0.0.0/8", ports=(20, 22)), permission("3.0.0.0/8", ports=(22, 25))],
        [revoke("2.0.0.0/8", ports=(20, 22)), revoke("3.0.0.0/8", ports=(22, 25))],
        PUBLIC,
    ),
    "pieces that meet on a listed port only": (
        [permission("2.0.0.0/8", ports=(79, 80)), permission("3.0.0.0/8", ports=(80, 81))],
        [],
        EC2_18,
    ),
    "pieces that never meet": (
        [permission("2.0.0.0/8"), permission("3.0.0.0/8", ports=(23, 23))],
        [],
        PUBLIC,
    ),
    "pieces of tcp and of udp": (
        [permission("2.0.0.0/8"), permission("3.0.0.0/8", protocol="udp")],
        [],
        PERMISSION,
    ),
    "a piece of all traffic and one of tcp": (
        [permission("2.0.0.0/8"), permission("3.0.0.0/8", protocol="-1", ports=None)],
        [revoke("2.0.0.0/8"), revoke("3.0.0.0/8", protocol="-1", ports=None)],
        PERMISSION,
    ),
    "groups are never the internet": (
        [permission() | {"UserIdGroupPairs": [{"GroupId": "sg-1", "UserId": "999999999999"}]}],
        [],
        REVOKE,
    ),
    "a group stays beside the internet": (
        [permission("0.0.0.0/0") | {"UserIdGroupPairs": [{"GroupId": "sg-1"}]}],
        [revoke("0.0.0.0/0")],
        REVOKE,
    ),
    "a harmless prefix list": ([with_prefix_lists("pl-office")], [], PREFIXES),
    "an open prefix list goes as a whole": (
        [with_prefix_lists("pl-office", "pl-open")],
        [revoke_prefix_lists("pl-open")],
        PREFIXES,
    ),
    "an open prefix list of IPv6": (
        [with_prefix_lists("pl-open6")],
        [revoke_prefix_lists("pl-open6")],
        PREFIXES,
    ),
    "a prefix list with half of the internet": (
        [with_prefix_lists("pl-low")],
        [revoke_prefix_lists("pl-low")],
        PREFIXES,
    ),
    "prefix lists that add up": (
        [with_prefix_lists("pl-even", "pl-odd", "pl-office")],
        [revoke_prefix_lists("pl-even", "pl-odd")],
        PREFIXES,
    ),
    "a prefix list in the shape of its entries": (
        [with_prefix_lists("pl-entries")],
        [revoke_prefix_lists("pl-entries")],
        PREFIXES,
    ),
    "a prefix list that cannot be read": (
        [with_prefix_lists("pl-unreadable")],
        [revoke_prefix_lists("pl-unreadable")],
        GUARD,
    ),
    "prefix lists with nothing in them": (
        [with_prefix_lists("pl-empty", "pl-null", "pl-nobody-knows")],
        [],
        PREFIXES,
    ),
    "an open prefix list on a web port": (
        [with_prefix_lists("pl-open") | {"FromPort": 443, "ToPort": 443}],
        [],
        EC2_18,
    ),
    "an open prefix list beside the office": (
        [permission(OFFICE) | {"PrefixListIds": [{"PrefixListId": "pl-open"}]}],
        [revoke_prefix_lists("pl-open")],
        PREFIXES,
    ),
    "lists that are missing or null": (
        [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": None}, {}],
        [],
        GUARD,
    ),
    "ports as strings stay strings": (
        [permission("0.0.0.0/0", ports=("22", "22"))],
        [revoke("0.0.0.0/0", ports=("22", "22"))],
        GUARD,
    ),
    "null ports are left out": (
        [permission("0.0.0.0/0", ports=(None, None))],
        [revoke("0.0.0.0/0", ports=None)],
        GUARD,
    ),
    "port zero is kept": (
        [permission("0.0.0.0/0", ports=(0, 0))],
        [revoke("0.0.0.0/0", ports=(0, 0))],
        REVOKE,
    ),
    "a record's spelling": (
        [
            {
                "ipProtocol": "tcp",
                "fromPort": 22,
                "toPort": 22,
                "groups": {},
                "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}, {"cidrIp": OFFICE}]},
                "ipv6Ranges": {},
            }
        ],
        [revoke() | {"IpRanges": [{"cidrIp": "0.0.0.0/0"}]}],
        GUARD,
    ),
    "one range that should have been a list": (
        [permission() | {"IpRanges": {"CidrIp": "0.0.0.0/0"}}],
        [revoke("0.0.0.0/0")],
        GUARD,
    ),
    "a bare string for a range": (
        [permission() | {"IpRanges": ["0.0.0.0/0", OFFICE]}],
        [revoke("0.0.0.0/0")],
        GUARD,
    ),
    "IPv6 in the list of IPv4": (
        [permission() | {"IpRanges": [{"CidrIpv6": "::/0"}]}],
        [revoke() | {"IpRanges": [{"CidrIpv6": "::/0"}]}],
        GUARD,
    ),
    "a range that cannot be read": (
        [permission("everywhere", OFFICE)],
        [revoke("everywhere")],
        GUARD,
    ),
    "entries without a source": (
        [permission() | {"IpRanges": [{}, None, {"Description": "x"}, {"CidrIp": None}]}],
        [],
        GUARD,
    ),
    "the same range twice": (
        [permission("0.0.0.0/0", "0.0.0.0/0")],
        [revoke("0.0.0.0/0", "0.0.0.0/0")],
        REVOKE,
    ),
    "nothing but an IPv4 range in IPv6 clothes": (
        [permission("::ffff:0.0.0.0/96")],
        [revoke("::ffff:0.0.0.0/96")],
        RFC_4291,
    ),
}


@each(("permissions", "expected", "source"), GROUPS.values(), ids=GROUPS)
def test_only_the_offending_sources_are_revoked(
    permissions: list[Mapping[str, object]], expected: list[dict[str, object]], source: str
) -> None:
    assert minimal_revoke(permissions, prefix_lists=LISTS) == expected, source


@each(("permissions", "expected", "source"), GROUPS.values(), ids=GROUPS)
def test_open_egress_is_no_risk_by_itself(
    permissions: list[Mapping[str, object]], expected: object, source: str
) -> None:
    assert minimal_revoke(permissions, direction="egress", prefix_lists=LISTS) == [], EGRESS
    assert minimal_revoke(permissions, direction="EGRESS ", prefix_lists=LISTS) == [], EGRESS


def test_an_unknown_direction_is_judged_as_ingress() -> None:
    assert minimal_revoke([permission("0.0.0.0/0")], direction="both") == [revoke("0.0.0.0/0")]


def test_the_owners_list_decides_what_may_be_public() -> None:
    group = [permission("0.0.0.0/0"), permission("0.0.0.0/0", ports=(443, 443))]
    assert minimal_revoke(group, allowed_public_ports=[22, 443]) == []
    assert minimal_revoke(group, allowed_public_ports=[22]) == [
        revoke("0.0.0.0/0", ports=(443, 443))
    ]
    assert len(minimal_revoke(group, allowed_public_ports=[])) == 2


def test_each_open_source_says_why() -> None:
    halves = ["2.0.0.0/8", "3.0.0.0/8"]
    (whole,) = open_sources(permission("0.0.0.0/0", OFFICE))
    assert whole.because == "0.0.0.0/0 is open to the internet on tcp 22"
    assert whole.entry == {"CidrIp": "0.0.0.0/0"}
    assert [s.because for s in open_sources(permission(*halves, protocol="-1"))] == [
        f"{half} is part of ranges that together are open to the internet on every protocol"
        for half in halves
    ]
    (unreadable,) = open_sources(permission("any", protocol="udp", ports=(1, 9)))
    assert unreadable.because.endswith(
        "cannot be read as a range, so it counts as the internet on udp 1-9"
    )
    (tunnel,) = open_sources(permission("0.0.0.0/0", protocol="47"))
    assert tunnel.because == "0.0.0.0/0 is open to the internet on protocol 47"


def test_nothing_that_was_given_is_changed() -> None:
    given_range = {"CidrIp": "0.0.0.0/0"}
    group = [permission() | {"IpRanges": [given_range]}]
    (taken,) = minimal_revoke(group)
    ranges = taken["IpRanges"]
    assert isinstance(ranges, list)
    ranges[0]["CidrIp"] = "changed"
    assert given_range == {"CidrIp": "0.0.0.0/0"}


def test_a_group_with_the_most_rules_is_judged_in_a_moment() -> None:
    group = [
        permission(OFFICE, f"{i % 200 + 1}.{i % 256}.0.0/16", ports=(i, i + 50))
        for i in range(1, 1001)
    ]
    assert minimal_revoke(group) == []


# --- properties ----------------------------------------------------------------------------------

v4 = st.builds(
    lambda a, p: f"{ipaddress.IPv4Address(a)}/{p}", st.integers(0, 2**32 - 1), st.integers(0, 32)
)
v6 = st.builds(
    lambda a, p: f"{ipaddress.IPv6Address(a)}/{p}", st.integers(0, 2**128 - 1), st.integers(0, 128)
)
slash_8 = st.sampled_from([*SLASH_8, "2.0.0.0/8", "3.0.0.0/8", "2.0.0.0/9", "2.128.0.0/9"])
cidrs = st.one_of(v4, v6, slash_8, st.sampled_from(["0.0.0.0/0", "::/0", OFFICE, "10.0.0.0/8"]))
protocols = st.sampled_from(["tcp", "udp", "icmp", "-1", "6", "17", "58", "47"])
ports = st.sampled_from([0, 20, 22, 25, 79, 80, 81, 443, 65535])
prefix_list_ids = st.sampled_from(sorted(LISTS))
permissions = st.builds(
    lambda sources, names, protocol, span: {
        **permission(*sources, protocol=protocol, ports=(min(span), max(span))),
        "PrefixListIds": [{"PrefixListId": name} for name in names],
    },
    st.lists(cidrs, max_size=6),
    st.lists(prefix_list_ids, max_size=2),
    protocols,
    st.tuples(ports, ports),
)
groups = st.lists(permissions, max_size=5)
allow_lists = st.lists(ports, max_size=4)
SOURCES = ("IpRanges", "Ipv6Ranges", "PrefixListIds")


def entries(permission: Mapping[str, object], name: str) -> list[object]:
    found = permission.get(name, [])
    assert isinstance(found, list)
    return found


def left_after(
    group: list[dict[str, object]], allowed: list[int]
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """The group without what is to be revoked, and that."""
    found = openings(group, allowed_public_ports=allowed, prefix_lists=LISTS)
    taken = {id(opening.permission): opening.revoke() for opening in found}
    rest = []
    for one in group:
        gone = taken.get(id(one), {})
        lists = {n: [e for e in entries(one, n) if e not in entries(gone, n)] for n in SOURCES}
        rest.append({**one, **lists})
    return rest, list(taken.values())


@thoroughly
@given(st.one_of(v4, v6))
def test_widening_a_range_never_closes_it(cidr: str) -> None:
    network = ipaddress.ip_network(cidr, strict=False)
    if is_public_range(cidr) and network.prefixlen:
        assert is_public_range(str(network.supernet()))


@thoroughly
@given(v4, st.integers(0, 2**32 - 1))
def test_host_bits_and_spelling_change_nothing(cidr: str, host: int) -> None:
    network = ipaddress.IPv4Network(cidr, strict=False)
    inside = ipaddress.IPv4Address(int(network.network_address) | (host & int(network.hostmask)))
    padded = ".".join(octet.zfill(3) for octet in str(inside).split("."))
    prefix = network.prefixlen
    spellings = [f"{inside}/{prefix}", f" {inside} / {prefix:02d}", f"{padded}/{prefix}"]
    spellings.append(f"::ffff:{inside}/{96 + prefix}")
    assert {is_public_range(spelling) for spelling in spellings} == {is_public_range(cidr)}


@thoroughly
@given(v6)
def test_long_and_short_IPv6_are_the_same(cidr: str) -> None:  # noqa: N802
    network = ipaddress.IPv6Network(cidr, strict=False)
    long = f"{network.network_address.exploded.upper()}/{network.prefixlen}"
    assert is_public_range(cidr) is is_public_range(long)


@thoroughly
@given(v4, st.integers(1, 4))
def test_a_range_in_pieces_is_the_range_itself(cidr: str, bits: int) -> None:
    network = ipaddress.IPv4Network(cidr, strict=False)
    pieces = [str(n) for n in network.subnets(min(bits, 32 - network.prefixlen))]
    # A private piece is no offender, and does not glue its neighbors together.
    if not network.overlaps(ipaddress.IPv4Network("10.0.0.0/8")):
        assert bool(minimal_revoke([permission(*pieces)])) is is_public_range(cidr)


@thoroughly
@given(groups, allow_lists)
def test_what_is_left_after_the_revoke_is_not_risky(
    group: list[dict[str, object]], allowed: list[int]
) -> None:
    rest, _ = left_after(group, allowed)
    assert minimal_revoke(rest, allowed_public_ports=allowed, prefix_lists=LISTS) == []


@thoroughly
@given(groups, allow_lists)
def test_the_revoke_takes_only_what_is_there_and_no_groups(
    group: list[dict[str, object]], allowed: list[int]
) -> None:
    found = openings(group, allowed_public_ports=allowed, prefix_lists=LISTS)
    for opening in found:
        taken = opening.revoke()
        assert taken["IpProtocol"] == opening.permission["IpProtocol"]
        assert set(taken) <= {"IpProtocol", "FromPort", "ToPort", *SOURCES}
        for name in SOURCES:
            for entry in entries(taken, name):
                assert entry in entries(opening.permission, name)


@thoroughly
@given(groups, permissions, allow_lists)
def test_adding_a_rule_never_makes_a_group_harmless(
    group: list[dict[str, object]], more: dict[str, object], allowed: list[int]
) -> None:
    before = minimal_revoke(group, allowed_public_ports=allowed, prefix_lists=LISTS)
    after = minimal_revoke([*group, more], allowed_public_ports=allowed, prefix_lists=LISTS)
    assert not before or after


@thoroughly
@given(groups)
def test_the_order_of_the_rules_changes_nothing(group: list[dict[str, object]]) -> None:
    found = {repr(taken) for taken in minimal_revoke(group, prefix_lists=LISTS)}
    assert found == {repr(taken) for taken in minimal_revoke(group[::-1], prefix_lists=LISTS)}


@thoroughly
@given(groups, allow_lists, ports)
def test_a_longer_allow_list_never_makes_a_group_risky(
    group: list[dict[str, object]], allowed: list[int], port: int
) -> None:
    if not minimal_revoke(group, allowed_public_ports=allowed, prefix_lists=LISTS):
        longer = [*allowed, port]
        assert not minimal_revoke(group, allowed_public_ports=longer, prefix_lists=LISTS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | cidrs,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["IpProtocol", "FromPort", "ToPort", *SOURCES, "CidrIp", "items"])
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@thoroughly
@given(st.lists(json_values, max_size=4), json_values, json_values, json_values)
def test_no_json_makes_it_raise(
    group: list[Mapping[str, object]], allowed: list[int], lists: dict[str, list[str]], way: str
) -> None:
    prefix_lists = lists if isinstance(lists, dict) else {}
    found = minimal_revoke(
        group, direction=way, allowed_public_ports=allowed, prefix_lists=prefix_lists
    )
    assert isinstance(found, list)


@thoroughly
@given(json_values, json_values, json_values, json_values)
def test_no_value_makes_a_rule_raise(
    protocol: str, first: int, last: int, allowed: list[int]
) -> None:
    assert reaches_unlisted_port(protocol, first, last, allowed) in (True, False)


@thoroughly
@given(st.text() | st.text(alphabet="0123456789./:abcdef%, "))
def test_no_text_makes_a_range_raise(text: str) -> None:
    assert is_public_range(text) in (True, False)
