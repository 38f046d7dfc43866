"""What the market means, in plain integers: no chain, nothing outside the standard library.

Amounts are 18-decimal wads and times are seconds. A file with a twin in contracts/math has its name
and its functions, in the same order. Contract and model agree to the last unit, so long as the
contract's products fit 256 bits.
"""
