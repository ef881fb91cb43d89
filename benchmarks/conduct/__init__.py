"""Measures unusual conduct: attacks, ordinary months, slow insiders, what it costs.

`account` makes an account up, `attacks` what is done to it, `replay` runs both through the
function's own code over tables in memory, `measures` says what came of it, `costs` what it costs.
"""
