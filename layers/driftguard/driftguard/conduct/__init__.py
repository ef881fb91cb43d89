"""Learns what a principal usually does from management events, and scores the unusual."""
