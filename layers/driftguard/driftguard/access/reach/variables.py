"""Policy variables whose values are known: those about the resource itself.

Source: IAM User Guide, "IAM policy elements: Variables and tags".
"""

import re
from dataclasses import replace
from typing import Final

from .constraint import Constraint

_OWN_ACCOUNT: Final = re.compile(r"\$\{aws:resourceaccount\}", re.IGNORECASE)
_OWN_ORGANIZATION: Final = "${aws:ResourceOrgID}"
# Where the resource's account or organization is asked to be the caller's: what that asks of the
# caller.
_SAME_AS_RESOURCE: Final = {
    ("aws:resourceaccount", "${aws:principalaccount}"): "aws:principalaccount",
    ("aws:resourceaccount", "${aws:sourceaccount}"): "aws:sourceaccount",
    ("aws:resourceorgid", "${aws:principalorgid}"): "aws:principalorgid",
    ("aws:resourceorgid", "${aws:sourceorgid}"): "aws:sourceorgid",
}


def understood(test: Constraint, own: str) -> Constraint:
    """The test with what is known of the resource in place of its variables."""
    if test.relation != "text" or not any("${" in value for value in test.values):
        return test
    asked = {_SAME_AS_RESOURCE.get((test.key, value.lower())) for value in test.values}
    if len(asked) == 1 and None not in asked and test.missing == test.complement:
        (key,) = asked
        value = own if test.key == "aws:resourceaccount" else _OWN_ORGANIZATION
        return replace(test, key=key or test.key, values=(value,))
    values = tuple(sorted({_OWN_ACCOUNT.sub(own, value) for value in test.values}))
    return replace(test, values=values)
