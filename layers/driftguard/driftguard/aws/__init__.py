"""Talks to AWS: clients, calls and their errors, plan credentials, remediator, permissions."""
