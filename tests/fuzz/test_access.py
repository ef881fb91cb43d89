"""Fuzz: `driftguard access` answers any line, and what it cannot judge it says in words."""

from __future__ import annotations

import io
import json
import sys
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from driftguard_cli.commands import access
from tests.support.access.policy_cases import CASES
from tests.support.fuzzing import in_portions, mutated, mutated_text, tried

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
PRIVATE = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": False,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": False,
}
JUDGES: dict[str, tuple[Any, list[dict[str, Any]]]] = {
    "policy": (
        access.judge_policies,
        [
            {"id": case.id, "service": case.service, "policy": case.policy, "account": case.account}
            for case in CASES
        ],
    ),
    "acl": (
        access.judge_acls,
        [
            {
                "id": "a",
                "kind": kind,
                "acl": acl,
                "request_headers": headers,
                "prior": "private",
                "pab_bucket": PRIVATE,
                "pab_account": None,
                "ownership": ownership,
                "bucket_policy_public": False,
            }
            for kind in ("bucket", "object")
            for ownership in ("ObjectWriter", "BucketOwnerEnforced")
            for acl, headers in (
                (None, {"x-amz-acl": "public-read"}),
                (None, {"x-amz-grant-read": f'uri="{ALL_USERS}", id="abc"'}),
                (
                    {
                        "Owner": {"ID": "abc"},
                        "Grants": [
                            {
                                "Grantee": {"Type": "Group", "URI": ALL_USERS},
                                "Permission": "READ",
                            }
                        ],
                    },
                    None,
                ),
            )
        ],
    ),
    "security-group": (
        access.judge_security_groups,
        [
            {
                "id": "g",
                "ip_permissions": [
                    {
                        "IpProtocol": protocol,
                        "FromPort": 22,
                        "ToPort": 1024,
                        "IpRanges": [{"CidrIp": "0.0.0.0/1"}, {"CidrIp": "128.0.0.0/1"}],
                        "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
                        "PrefixListIds": [{"PrefixListId": "pl-1"}],
                    }
                ],
                "direction": "ingress",
                "allowed_public_ports": [80, 443],
                "prefix_lists": {"pl-1": ["0.0.0.0/0"]},
            }
            for protocol in ("tcp", "-1", "icmp")
        ],
    ),
}


@in_portions
@pytest.mark.parametrize("kind", JUDGES)
def test_any_line_is_answered(kind: str, portion: int, monkeypatch: pytest.MonkeyPatch) -> None:
    judge, cases = JUDGES[kind]

    def once(dice: Random) -> None:
        line = json.dumps(mutated(dice, dice.choice(cases)))
        if dice.random() < 0.2:
            line = mutated_text(dice, line)
        line = line.replace("\n", " ")
        said = io.StringIO()
        given = SimpleNamespace(
            buffer=io.BytesIO(line.encode(errors="surrogatepass")), isatty=lambda: False
        )
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", given)
            patch.setattr(sys, "stdout", said)
            try:
                judge()
            except typer.Exit as end:
                assert end.exit_code == 1
        for answer in map(json.loads, said.getvalue().splitlines()):
            told = str(answer.get("error", ""))
            assert "please report this case" not in told, f"{told}: {line}"
            assert bool(told) or "because" in answer

    tried(f"access {kind}", portion, once, share=1 / len(JUDGES))
