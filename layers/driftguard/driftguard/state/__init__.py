"""Remembers: trust, baselines, freezes, exemptions, history, the circuit breaker, learning."""
