"""Reads what arrives into values: CloudTrail records, findings of services, commands."""
