"""Known vulnerabilities: matches advisories with the packages that a deployment contains.

Everything but the providers is pure. `osv` reads advisories in OSV's schema, `ranges` says whether
a version is affected, `matching` what that means for a list of packages, and a `provider` where the
advisories come from. What is uncertain is reported as uncertain, and never counts as clean.
"""
