"""Says whether a policy, an ACL or a network rule is open; pure, no AWS calls."""
