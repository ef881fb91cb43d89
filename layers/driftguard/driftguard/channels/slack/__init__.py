"""Slack: decisions as messages in channels, and votes and undos by their buttons."""
