"""The `driftguard` command on a person's machine. Never shipped in a Lambda layer."""
