"""Slack: one message a decision, kept up to date in place, with buttons that answer and undo."""
