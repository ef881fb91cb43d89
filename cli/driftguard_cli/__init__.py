"""The `driftguard` command line. It is never shipped in a Lambda layer."""
