"""Readers of the notations that lock files are written in. Each says what it did not understand.

The Lambda layer has no library for YAML. The other readers wrap the standard library's, so that a
hostile file costs no more time and memory than an honest one of its size.
"""
