"""The fault matrix: every call to AWS that the guard makes goes wrong once, in every way.

`kinds.py` holds the ways, `striking.py` the hook that finds the calls and strikes them, `trials.py`
one control's life with a fault in it, `judging.py` what must be true in the end, and `matrix.py`
the tables. `python -m tests.support.faults` runs them (`make faults`).
"""
