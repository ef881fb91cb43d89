"""Containment of what runs on services: databases, tasks, access to clusters, buckets."""
