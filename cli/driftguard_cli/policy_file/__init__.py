"""The policy file that people edit."""
