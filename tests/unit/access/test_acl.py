"""What makes a bucket or an object public by its ACL, each case by the page of AWS it follows."""

import copy
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from driftguard.access.acl import (
    ALL_USERS,
    AUTHENTICATED_USERS,
    LOG_DELIVERY,
    AclVerdict,
    canned_acl,
    judge,
    judge_request,
    public_grants,
    without_public_grants,
)
from tests.support.each import each
from tests.support.properties import thoroughly

# The documents that the cases follow; all but the last are pages of the S3 User Guide.
GROUPS = '"ACL overview", predefined groups'
MEANING = '"Blocking public access", the meaning of public: any permission to the two groups'
CANNED = '"ACL overview", canned ACLs'
BLOCK = '"Blocking public access", BlockPublicAcls: calls with a public ACL fail, ACLs stay'
IGNORE = '"Blocking public access", IgnorePublicAcls: public ACLs are ignored'
RESTRICT = '"Blocking public access", RestrictPublicBuckets: only with a public policy'
STRICTEST = '"Blocking public access": the most restrictive of bucket and account'
OWNERSHIP = '"Controlling ownership", BucketOwnerEnforced: ACLs disabled, calls refused'
HEADERS = "S3 API, PutBucketAcl: a canned ACL, or grant headers, or a body"
TRAIL = "CloudTrail records of S3"
GUARD = "Driftguard: what cannot be read counts as public"

OWNER = {"ID": "0a" * 32, "DisplayName": "owner"}
PARTNER = "1b" * 32


def to(permission: str = "READ", **grantee: str) -> dict[str, object]:
    return {"Grantee": grantee, "Permission": permission}


def to_group(uri: str, permission: str = "READ") -> dict[str, object]:
    return to(permission, Type="Group", URI=uri)


OWNERS = to("FULL_CONTROL", Type="CanonicalUser", **OWNER)
TO_PARTNER = to("READ", Type="CanonicalUser", ID=PARTNER)
TO_LOGS = to_group(LOG_DELIVERY, "WRITE")
TO_ALL = to_group(ALL_USERS)
TO_MEMBERS = to_group(AUTHENTICATED_USERS)


def acl(*grants: object) -> dict[str, object]:
    return {"Owner": OWNER, "Grants": [OWNERS, *grants]}


def everyone(name: str) -> str:
    """A grant header's value for everyone, under another name for the kind of grantee."""
    return f'{name}="{ALL_USERS}"'


ACLS: dict[str, tuple[Any, bool, str]] = {
    "the owner alone": (acl(), False, GROUPS),
    "no grants at all": ({"Owner": OWNER, "Grants": []}, False, GROUPS),
    "grants that are null": ({"Owner": OWNER, "Grants": None}, False, GROUPS),
    "grants that are missing": ({"Owner": OWNER}, False, GROUPS),
    "an empty ACL": ({}, False, GROUPS),
    "everyone may read": (acl(TO_ALL), True, MEANING),
    "everyone may write": (acl(to_group(ALL_USERS, "WRITE")), True, MEANING),
    "everyone may read the ACL": (acl(to_group(ALL_USERS, "READ_ACP")), True, MEANING),
    "everyone may write the ACL": (acl(to_group(ALL_USERS, "WRITE_ACP")), True, MEANING),
    "everyone may all": (acl(to_group(ALL_USERS, "FULL_CONTROL")), True, MEANING),
    "AWS users may read": (acl(TO_MEMBERS), True, MEANING),
    "AWS users may read the ACL": (acl(to_group(AUTHENTICATED_USERS, "READ_ACP")), True, MEANING),
    "AWS users may all": (acl(to_group(AUTHENTICATED_USERS, "FULL_CONTROL")), True, MEANING),
    "log delivery": (acl(TO_LOGS, to_group(LOG_DELIVERY, "READ_ACP")), False, GROUPS),
    "log delivery and everyone": (acl(TO_LOGS, TO_ALL), True, GROUPS),
    "another account": (acl(TO_PARTNER), False, GROUPS),
    "another account may all": (
        acl(to("FULL_CONTROL", Type="CanonicalUser", ID=PARTNER)),
        False,
        GROUPS,
    ),
    "an e-mail address": (
        acl(to("READ", Type="AmazonCustomerByEmail", EmailAddress="a@example.com")),
        False,
        GROUPS,
    ),
    "a display name that sounds public": (
        acl(to("READ", Type="CanonicalUser", ID=PARTNER, DisplayName="AllUsers")),
        False,
        GROUPS,
    ),
    "the public grant is the last of many": (acl(*[TO_PARTNER] * 97, TO_ALL), True, GROUPS),
    "no type": (acl(to(URI=ALL_USERS)), True, GROUPS),
    "no permission": (acl({"Grantee": {"Type": "Group", "URI": ALL_USERS}}), True, GUARD),
    "a type that does not fit": (acl(to(Type="CanonicalUser", URI=ALL_USERS)), True, GUARD),
    "https": (acl(to_group(ALL_USERS.replace("http:", "https:"))), True, GUARD),
    "small letters": (acl(to_group(ALL_USERS.lower())), True, GUARD),
    "a slash behind": (acl(to_group(ALL_USERS + "/")), True, GUARD),
    "spaces around": (acl(to_group(f" {ALL_USERS}\n")), True, GUARD),
    "a group that does not exist": (acl(to_group(ALL_USERS + "OfMine")), False, GROUPS),
    "a group of another path": (acl(to_group(LOG_DELIVERY + "/AllUsers")), False, GROUPS),
    "one grant that should have been a list": ({"Owner": OWNER, "Grants": TO_ALL}, True, GUARD),
    "a harmless one": ({"Owner": OWNER, "Grants": OWNERS}, False, GUARD),
    "a record of one grant": (
        {"AccessControlPolicy": {"Owner": OWNER, "AccessControlList": {"Grant": TO_ALL}}},
        True,
        TRAIL,
    ),
    "a record of several grants": (
        {
            "AccessControlPolicy": {
                "xmlns": "http://s3.amazonaws.com/doc/2006-03-01/",
                "AccessControlList": {
                    "Grant": [OWNERS, to("READ_ACP", **{"xsi:type": "Group", "URI": ALL_USERS})]
                },
            }
        },
        True,
        TRAIL,
    ),
    "a record of harmless grants": (
        {"AccessControlPolicy": {"AccessControlList": {"Grant": [OWNERS, TO_LOGS]}}},
        False,
        TRAIL,
    ),
    "a record without grants": (
        {"AccessControlPolicy": {"Owner": OWNER, "AccessControlList": ""}},
        False,
        TRAIL,
    ),
    "a grant that is no object": (acl("AllUsers"), True, GUARD),
    "a grant that is null": (acl(None), True, GUARD),
    "a grant without grantee": (acl({"Permission": "READ"}), True, GUARD),
    "a grantee without a name": (acl(to(Type="Group")), True, GUARD),
    "a group's name that is no text": (acl({"Grantee": {"URI": 5}}), True, GUARD),
    "grants that are text": ({"Grants": "public-read"}, True, GUARD),
    "something else altogether": ({"Statement": []}, True, GUARD),
    "a list": ([TO_ALL], True, GUARD),
    "text": ("private", True, GUARD),
}


@each(("given_acl", "public", "source"), ACLS.values(), ids=ACLS)
def test_an_acl_is_public_if_it_grants_anything_to_everyone(
    given_acl: Any, public: bool, source: str
) -> None:
    verdict = judge(given_acl)
    assert verdict.public is public, source
    assert verdict.because


@each(("given_acl", "public", "source"), ACLS.values(), ids=ACLS)
def test_an_acl_in_a_call_is_judged_like_one_in_force(
    given_acl: Any, public: bool, source: str
) -> None:
    assert judge_request(kind="object", acl=given_acl).public is public, source


ON: Mapping[str, Mapping[str, object]] = {
    flag: {flag: True}
    for flag in (
        "BlockPublicAcls",
        "IgnorePublicAcls",
        "BlockPublicPolicy",
        "RestrictPublicBuckets",
    )
}
NONE_ON = dict.fromkeys(ON, False)
ALL_ON = dict.fromkeys(ON, True)

IN_FORCE: dict[str, tuple[dict[str, Any], bool, str]] = {
    "no settings": ({}, True, MEANING),
    "settings that are off": ({"public_access_blocks": (NONE_ON, NONE_ON)}, True, MEANING),
    "none at either level": ({"public_access_blocks": (None, None)}, True, MEANING),
    "blocked, but there already": (
        {"public_access_blocks": (ON["BlockPublicAcls"], ON["BlockPublicAcls"])},
        True,
        BLOCK,
    ),
    "ignored by the bucket": (
        {"public_access_blocks": (ON["IgnorePublicAcls"], None)},
        False,
        IGNORE,
    ),
    "ignored by the account": (
        {"public_access_blocks": (NONE_ON, ON["IgnorePublicAcls"])},
        False,
        STRICTEST,
    ),
    "everything on": ({"public_access_blocks": (ALL_ON,)}, False, STRICTEST),
    "flags as text": ({"public_access_blocks": ({"IgnorePublicAcls": "true"},)}, False, TRAIL),
    "flags as TRUE": ({"public_access_blocks": ({"ignorePublicAcls": "TRUE"},)}, False, TRAIL),
    "flags as text, off": ({"public_access_blocks": ({"IgnorePublicAcls": "false"},)}, True, TRAIL),
    "a flag that is null": ({"public_access_blocks": ({"IgnorePublicAcls": None},)}, True, GUARD),
    "a flag that is a number": ({"public_access_blocks": ({"IgnorePublicAcls": 1},)}, True, GUARD),
    "settings in their wrapper": (
        {"public_access_blocks": ({"PublicAccessBlockConfiguration": ALL_ON},)},
        False,
        TRAIL,
    ),
    "settings that cannot be read": ({"public_access_blocks": ("on", [ALL_ON])}, True, GUARD),
    "public policies blocked": (
        {"public_access_blocks": (ON["BlockPublicPolicy"],)},
        True,
        RESTRICT,
    ),
    "public buckets restricted, the policy is not public": (
        {"public_access_blocks": (ON["RestrictPublicBuckets"],)},
        True,
        RESTRICT,
    ),
    "public buckets restricted, the policy is public": (
        {
            "public_access_blocks": (None, ON["RestrictPublicBuckets"]),
            "bucket_policy_public": True,
        },
        False,
        RESTRICT,
    ),
    "the policy is public, too": ({"bucket_policy_public": True}, True, MEANING),
    "ignored, but the policy is public": (
        {"public_access_blocks": (ON["IgnorePublicAcls"],), "bucket_policy_public": True},
        True,
        RESTRICT,
    ),
    "disabled": ({"ownership": "BucketOwnerEnforced"}, False, OWNERSHIP),
    "disabled, but the policy is public": (
        {"ownership": "BucketOwnerEnforced", "bucket_policy_public": True},
        True,
        OWNERSHIP,
    ),
    "the owner preferred": ({"ownership": "BucketOwnerPreferred"}, True, OWNERSHIP),
    "the writer owns": ({"ownership": "ObjectWriter"}, True, OWNERSHIP),
    "no ownership setting": ({"ownership": None}, True, OWNERSHIP),
    "an unknown one": ({"ownership": "Nobody"}, True, GUARD),
}


@each(("around", "public", "source"), IN_FORCE.values(), ids=IN_FORCE)
def test_the_settings_around_a_public_acl_have_their_say(
    around: dict[str, Any], public: bool, source: str
) -> None:
    verdict = judge(acl(TO_ALL), **around)
    assert verdict.public is public, source
    assert verdict.because


def test_a_private_acl_under_a_public_policy_is_public_by_the_policy() -> None:
    verdict = judge(acl(), bucket_policy_public=True)
    assert verdict == AclVerdict(True, ("the bucket's policy is public",))
    assert not judge(
        acl(), bucket_policy_public=True, public_access_blocks=[ON["RestrictPublicBuckets"]]
    ).public


def requested(**case: Any) -> dict[str, Any]:
    return {"kind": "bucket", "prior": "private", **case}


def blocked(**case: Any) -> dict[str, Any]:
    return requested(public_access_blocks=(ON["BlockPublicAcls"], None), **case)


def canned(name: object, **case: Any) -> dict[str, Any]:
    return requested(request_headers={"x-amz-acl": name}, **case)


def headers(given_headers: dict[str, object], **case: Any) -> dict[str, Any]:
    return requested(request_headers=given_headers, **case)


READ = "x-amz-grant-read"
ALL = everyone("uri")

CALLS: dict[str, tuple[dict[str, Any], bool, str]] = {
    "private": (canned("private"), False, CANNED),
    "public-read": (canned("public-read"), True, CANNED),
    "public-read-write": (canned("public-read-write"), True, CANNED),
    "authenticated-read": (canned("authenticated-read"), True, CANNED),
    "log-delivery-write": (canned("log-delivery-write"), False, CANNED),
    "aws-exec-read": (canned("aws-exec-read", prior="public-read"), False, CANNED),
    "an object for everyone": (canned("public-read", kind="object"), True, CANNED),
    "an object for everyone to write": (canned("public-read-write", kind="object"), True, CANNED),
    "an object for AWS users": (canned("authenticated-read", kind="object"), True, CANNED),
    "an object for the bucket's owner": (
        canned("bucket-owner-full-control", kind="object", prior="public-read"),
        False,
        CANNED,
    ),
    "an object for its owner to read": (
        canned("bucket-owner-read", kind="object", prior="public-read"),
        False,
        CANNED,
    ),
    "a name for objects on a bucket": (
        canned("bucket-owner-full-control", prior="public-read"),
        True,
        CANNED,
    ),
    "a name for objects on a private bucket": (canned("bucket-owner-read"), False, CANNED),
    "a name for buckets on an object": (
        canned("log-delivery-write", kind="object", prior="public-read"),
        True,
        CANNED,
    ),
    "an unknown name": (canned("world-readable"), False, HEADERS),
    "an unknown name, public before": (
        canned("world-readable", prior="public-read"),
        True,
        HEADERS,
    ),
    "a list of one": (canned(["public-read"]), True, TRAIL),
    "a harmless list of one": (canned(["private"], prior="public-read"), False, TRAIL),
    "a list of two": (canned(["public-read", "private"]), False, HEADERS),
    "an empty list": (canned([], prior="public-read"), True, HEADERS),
    "an empty name": (canned("", prior="private"), False, HEADERS),
    "no name": (canned(None, prior="authenticated-read"), True, HEADERS),
    "spaces around": (canned(" public-read "), True, HEADERS),
    "a header in capitals": (headers({"X-AMZ-ACL": "public-read"}), True, HEADERS),
    "a header in title case": (
        headers({"X-Amz-Acl": "private"}, prior="public-read"),
        False,
        HEADERS,
    ),
    "the same header twice": (
        headers({"x-amz-acl": "private", "X-Amz-Acl": "private"}, prior="public-read"),
        True,
        HEADERS,
    ),
    "reading for everyone": (headers({READ: ALL}), True, HEADERS),
    "writing for everyone": (headers({"x-amz-grant-write": ALL}), True, HEADERS),
    "reading the ACL": (headers({"x-amz-grant-read-acp": ALL}), True, HEADERS),
    "writing the ACL": (headers({"x-amz-grant-write-acp": ALL}), True, HEADERS),
    "full control": (headers({"x-amz-grant-full-control": ALL}), True, HEADERS),
    "reading for AWS users": (headers({READ: f'uri="{AUTHENTICATED_USERS}"'}), True, HEADERS),
    "reading for log delivery": (headers({READ: f'uri="{LOG_DELIVERY}"'}), False, HEADERS),
    "reading for an account": (headers({READ: f'id="{PARTNER}"'}), False, HEADERS),
    "reading for an address": (headers({READ: 'emailAddress="a@example.com"'}), False, HEADERS),
    "an account with a public name": (headers({READ: everyone("id")}), False, HEADERS),
    "an account, then everyone": (headers({READ: f'id="{PARTNER}", {ALL}'}), True, HEADERS),
    "everyone, then an account": (headers({READ: f'{ALL},id="{PARTNER}"'}), True, HEADERS),
    "two accounts": (headers({READ: f'id="{PARTNER}", id="2c"'}), False, HEADERS),
    "an account replaces everyone": (
        headers({READ: f'id="{PARTNER}"'}, prior="public-read"),
        False,
        HEADERS,
    ),
    "without quotes": (headers({READ: f"uri={ALL_USERS}"}), True, HEADERS),
    "in single quotes": (headers({READ: f"uri='{ALL_USERS}'"}), True, GUARD),
    "spaces about the sign": (headers({READ: f'URI = "{ALL_USERS}" '}), True, GUARD),
    "a grant header in capitals": (headers({"X-Amz-Grant-Read": ALL}), True, HEADERS),
    "a grant header as a list": (headers({READ: [f'id="{PARTNER}"', ALL]}), True, TRAIL),
    "a grant header in its wrapper, as text": (
        headers({"accessControlList": f"x-amz-grant-read: {ALL}"}),
        True,
        TRAIL,
    ),
    "a grant header in its wrapper": (headers({"accessControlList": {READ: ALL}}), True, TRAIL),
    "an account in the wrapper": (
        headers({"accessControlList": {READ: f'id="{PARTNER}"'}}),
        False,
        TRAIL,
    ),
    "a grant that cannot be read": (headers({READ: ALL_USERS}), True, GUARD),
    "a kind of grantee that does not exist": (headers({READ: everyone("group")}), True, GUARD),
    "an empty grant header": (headers({READ: ""}, prior="public-read"), True, HEADERS),
    "headers that have nothing to do with it": (
        headers({"Host": "b.s3.amazonaws.com", "acl": [""], "x-amz-grant-list": ALL}),
        False,
        HEADERS,
    ),
    "two grant headers": (
        headers({READ: f'id="{PARTNER}"', "x-amz-grant-write": ALL}),
        True,
        HEADERS,
    ),
    "a name and a grant": (headers({"x-amz-acl": "private", READ: ALL}), False, HEADERS),
    "a name and a grant, public before": (
        headers({"x-amz-acl": "private", READ: f'id="{PARTNER}"'}, prior="public-read"),
        True,
        HEADERS,
    ),
    "a body and a name": (canned("public-read", acl=acl(TO_ALL)), False, HEADERS),
    "a body and a grant": (headers({READ: ALL}, acl=acl()), False, HEADERS),
    "a body and other headers": (headers({"Host": "b"}, acl=acl(TO_ALL)), True, HEADERS),
    "an empty body and a name": (canned("public-read", acl={}), True, HEADERS),
    "a body": (requested(acl=acl(TO_ALL)), True, HEADERS),
    "a harmless body": (requested(acl=acl(TO_PARTNER), prior="public-read"), False, HEADERS),
    "nothing asked, private before": (requested(), False, HEADERS),
    "nothing asked, public before": (requested(prior="public-read"), True, HEADERS),
    "nothing asked, writable before": (requested(prior="public-read-write"), True, HEADERS),
    "nothing asked, AWS users before": (requested(prior="authenticated-read"), True, HEADERS),
    "nothing asked, logs before": (requested(prior="log-delivery-write"), False, HEADERS),
    "nothing asked, nothing known before": (requested(prior=None), False, HEADERS),
    "nothing asked, an unknown name before": (requested(prior="mine"), True, GUARD),
    "nothing asked, the ACL before": (requested(prior=acl(TO_MEMBERS)), True, HEADERS),
    "headers that cannot be read": (requested(request_headers="public-read"), True, GUARD),
    "blocked name": (blocked(request_headers={"x-amz-acl": "public-read"}), False, BLOCK),
    "blocked name for AWS users": (
        blocked(request_headers={"x-amz-acl": "authenticated-read"}, kind="object"),
        False,
        BLOCK,
    ),
    "blocked grant": (blocked(request_headers={READ: ALL}), False, BLOCK),
    "blocked body": (blocked(acl=acl(TO_ALL)), False, BLOCK),
    "blocked, but public before": (
        blocked(acl=acl(TO_ALL), prior="public-read"),
        True,
        BLOCK,
    ),
    "not blocked, since it is private": (
        blocked(request_headers={"x-amz-acl": "private"}, prior="public-read"),
        False,
        BLOCK,
    ),
    "not blocked, since logs are not public": (
        blocked(request_headers={"x-amz-acl": "log-delivery-write"}, prior="public-read"),
        False,
        BLOCK,
    ),
    "blocked by the account": (
        canned("public-read", public_access_blocks=(NONE_ON, ON["BlockPublicAcls"])),
        False,
        STRICTEST,
    ),
    "blocked and ignored": (
        canned("public-read", prior="public-read", public_access_blocks=(ALL_ON, None)),
        False,
        STRICTEST,
    ),
    "ignored": (
        canned("public-read", public_access_blocks=(ON["IgnorePublicAcls"],)),
        False,
        IGNORE,
    ),
    "blocked policies are another matter": (
        canned("public-read", public_access_blocks=(ON["BlockPublicPolicy"],)),
        True,
        RESTRICT,
    ),
    "restricted, the policy is not public": (
        canned("public-read", public_access_blocks=(ON["RestrictPublicBuckets"],)),
        True,
        RESTRICT,
    ),
    "restricted, the policy is public": (
        canned(
            "private",
            public_access_blocks=(ON["RestrictPublicBuckets"],),
            bucket_policy_public=True,
        ),
        False,
        RESTRICT,
    ),
    "private under a public policy": (canned("private", bucket_policy_public=True), True, RESTRICT),
    "an object under a public policy": (
        canned("private", kind="object", bucket_policy_public=True),
        True,
        RESTRICT,
    ),
    "disabled ACLs": (canned("public-read", ownership="BucketOwnerEnforced"), False, OWNERSHIP),
    "disabled ACLs, public before": (
        canned("public-read", prior="public-read", ownership="BucketOwnerEnforced"),
        False,
        OWNERSHIP,
    ),
    "disabled ACLs, the owner's full control": (
        canned("bucket-owner-full-control", kind="object", ownership="BucketOwnerEnforced"),
        False,
        OWNERSHIP,
    ),
    "disabled ACLs, a public policy": (
        canned("private", ownership="BucketOwnerEnforced", bucket_policy_public=True),
        True,
        OWNERSHIP,
    ),
    "the owner preferred": (
        canned("public-read", ownership="BucketOwnerPreferred"),
        True,
        OWNERSHIP,
    ),
    "the writer owns": (canned("public-read", ownership="ObjectWriter"), True, OWNERSHIP),
}


@each(("case", "public", "source"), CALLS.values(), ids=CALLS)
def test_a_call_leaves_the_bucket_or_object_public(
    case: dict[str, Any], public: bool, source: str
) -> None:
    verdict = judge_request(**case)
    assert verdict.public is public, (source, verdict)
    assert verdict.because


def test_a_verdict_says_why_and_names_the_grants() -> None:
    assert judge(acl(TO_ALL, TO_MEMBERS, TO_LOGS)) == AclVerdict(
        True,
        (
            "the ACL grants READ to everyone",
            "the ACL grants READ to every AWS account in the world",
        ),
        (TO_ALL, TO_MEMBERS),
    )
    assert judge(acl()).because == ("the ACL grants nothing to everyone",)
    assert judge_request(**blocked(acl=acl(TO_ALL))).because == (
        "S3 refuses the call, since BlockPublicAcls is on, so the prior ACL stands",
        "the ACL grants nothing to everyone",
    )
    assert judge_request(**canned("public-read")).offending == (TO_ALL,)


def test_only_the_public_grants_are_taken_away() -> None:
    before = acl(TO_ALL, TO_PARTNER, TO_MEMBERS, TO_LOGS)
    given_before = copy.deepcopy(before)
    assert without_public_grants(before) == acl(TO_PARTNER, TO_LOGS)
    assert before == given_before


def test_a_record_of_an_acl_becomes_one_that_can_be_put() -> None:
    record = {"Owner": OWNER, "AccessControlList": {"Grant": [OWNERS, TO_ALL]}}
    assert without_public_grants({"AccessControlPolicy": record}) == acl()
    assert without_public_grants({**acl(TO_ALL), "ResponseMetadata": {}}) == acl()
    assert without_public_grants({"Grants": [TO_ALL]}) == {"Grants": []}


def test_canned_acls_are_spelled_out() -> None:
    assert canned_acl("public-read-write") == {"Grants": [TO_ALL, to_group(ALL_USERS, "WRITE")]}
    assert canned_acl("private") == {"Grants": []}
    assert canned_acl("mine") is None


# --- properties ----------------------------------------------------------------------------------

harmless = st.sampled_from([OWNERS, TO_PARTNER, TO_LOGS])
public = st.builds(
    to_group,
    st.sampled_from([ALL_USERS, AUTHENTICATED_USERS]),
    st.sampled_from(["READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"]),
)
grant_lists = st.lists(harmless | public, max_size=6)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Owner",
                    "Grants",
                    "Grantee",
                    "URI",
                    "ID",
                    "Permission",
                    "AccessControlPolicy",
                    "AccessControlList",
                    "Grant",
                    "x-amz-acl",
                    "x-amz-grant-read",
                    "IgnorePublicAcls",
                ]
            ),
            inner | st.sampled_from([ALL_USERS, "public-read", ALL]),
            max_size=4,
        )
    ),
    max_leaves=10,
)


@thoroughly
@given(grant_lists)
def test_the_remedy_leaves_nothing_public_and_everything_else(grants: list[object]) -> None:
    left = without_public_grants({"Owner": OWNER, "Grants": grants})
    gone = list(public_grants({"Owner": OWNER, "Grants": grants}))
    assert not judge(left).public
    assert left["Owner"] == OWNER
    assert left["Grants"] == [grant for grant in grants if grant not in gone]


@thoroughly
@given(grant_lists, public)
def test_adding_a_public_grant_always_makes_it_public(grants: list[object], more: object) -> None:
    assert judge({"Owner": OWNER, "Grants": [*grants, more]}).public


@thoroughly
@given(grant_lists, st.dictionaries(st.sampled_from(sorted(ON)), st.booleans()))
def test_one_more_setting_never_opens_anything(
    grants: list[object], block: dict[str, object]
) -> None:
    given_acl = {"Owner": OWNER, "Grants": grants}
    if not judge(given_acl).public:
        assert not judge(given_acl, public_access_blocks=[block]).public


@thoroughly
@given(json_values, json_values, json_values, json_values, st.lists(json_values, max_size=2))
def test_no_json_makes_it_raise(
    given_acl: Any, given_headers: Any, prior: Any, kind: Any, blocks: Any
) -> None:
    verdict = judge_request(
        kind=kind,
        acl=given_acl,
        request_headers=given_headers,
        prior=prior,
        public_access_blocks=blocks,
        ownership=kind,
        bucket_policy_public=kind,
    )
    assert verdict.public in (True, False)
    assert not judge(without_public_grants(given_acl)).public


@thoroughly
@given(st.text(alphabet="uriidURI=\",' AllUsers:/."))
def test_no_header_makes_it_raise(text: str) -> None:
    assert judge_request(**headers({READ: text})).public in (True, False)
