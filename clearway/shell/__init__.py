"""What the commands under `scripts/` share: options, accounts, errors and tables.

Commands hold no decisions: they parse, call the library, and show what it says.
"""
