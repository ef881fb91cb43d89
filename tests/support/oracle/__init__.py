"""An independent judge of policies: what AWS documents, written down for an SMT solver.

It shares no code with `driftguard.access`. A request is a set of variables; a policy is a formula
over them; "is this open?" asks the solver for a request of a stranger that the policy allows.
"""
