"""Is this policy, ACL or network rule open to the world? Pure: values in, verdicts out."""
