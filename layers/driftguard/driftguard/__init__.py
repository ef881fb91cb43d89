"""Driftguard: sees risky configuration changes, reverts them surgically, records and can undo it.

Start reading at `pipeline.py`, which tells the whole story of a decision on one page, and at
`model.py`, whose values everything else speaks in.
"""
