"""Reads back what an event claims of an access key, before the key is switched off.

Whoever can send events can claim that any key leaked, and so have it switched off. AWS leaves its
own mark beside the event: a user whose key it found in public bears its quarantine policy, and a
finding of GuardDuty can be read by its id. Where neither can be read, people are asked.

The AWS Health API would tell too, but it answers only accounts with a support plan.

Sources: IAM User Guide, "AWS managed policy: AWSCompromisedKeyQuarantineV3"; Amazon GuardDuty API
Reference, "GetFindings"; AWS Health User Guide, "Accessing the AWS Health API".
"""

from __future__ import annotations

from driftguard.aws.calls import AwsError, Throttled, Unreachable, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, items, mapping, text

READS = ("guardduty:GetFindings",)
# The key of the state that says what could not be corroborated.
DOUBT = "uncorroborated"


def of_guardduty(hint: Document, key: str, reader: Reader) -> str:
    """Why GuardDuty does not corroborate a finding about a key; "" if it does.

    `hint` holds the `finding`'s type, its id as `claim`, and the `detector` that it is of.
    """
    detector, claim = text(hint, "detector"), text(hint, "claim")
    if not detector or not claim:
        return "the finding does not say by which id GuardDuty knows it"
    try:
        answer = document(
            reader.read("guardduty", "GetFindings", DetectorId=detector, FindingIds=[claim])
        )
    except (Throttled, Unreachable):
        raise
    except AwsError as error:
        return f"GuardDuty could not be asked for the finding: {error}"
    if any(_is_of(found, hint, key, reader.account) for found in items(answer.get("Findings"))):
        return ""
    return "GuardDuty knows no such finding about this key"


def _is_of(found: Document, hint: Document, key: str, account: str) -> bool:
    """Whether a finding as GuardDuty has it is the one that was claimed, and still stands."""
    about = mapping(mapping(found, "Resource"), "AccessKeyDetails")
    return (
        text(found, "Id") == text(hint, "claim")
        and text(found, "Type") == text(hint, "finding")
        and text(found, "AccountId") == account
        and text(about, "AccessKeyId") == key
        and not flag(mapping(found, "Service").get("Archived"))
    )
