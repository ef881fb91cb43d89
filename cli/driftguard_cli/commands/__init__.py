"""The commands: one module or package for each, named as typed.

`COMMANDS` in `main.py` lists them.
"""
