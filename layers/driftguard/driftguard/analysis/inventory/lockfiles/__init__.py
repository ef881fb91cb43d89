"""Readers of lock files and manifests, one module an ecosystem or a tool."""
