"""Judges API calls by the policies that the template gives: what AWS would allow, and what not.

No emulator does: they look at actions at most. `template` resolves the roles' policies and those
of queues and tables, `requests` says what IAM is asked for a call, `evaluator` answers, and
`judge` asks for every call that a function makes.
"""
