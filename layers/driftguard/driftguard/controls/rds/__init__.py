"""RDS, and Aurora, DocumentDB and Neptune behind its API: databases open, shared, unprotected."""
