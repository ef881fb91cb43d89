"""Finds what no event reported: goes through the controls, and looks at each resource."""
