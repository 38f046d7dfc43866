"""The market in plain integers: what the contracts mean, simpler than they are.

Standard library only. Amounts are 18-decimal wads and times are seconds, as on chain.
"""
