"""Driftguard: sees risky configuration changes, reverts them surgically, records and can undo it.

Start reading at `engine/guard.py`, which takes each message to its outcome, and at `model.py`,
whose values every room speaks in. docs/architecture.md is the map.
"""
