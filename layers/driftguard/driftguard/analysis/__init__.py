"""Finds what code and text contain: packages, advisories, vulnerabilities, secrets."""
