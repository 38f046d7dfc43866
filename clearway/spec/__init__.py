"""What the market means, in plain integers: no chain, nothing outside the standard library.

Each file here has a twin in contracts/math, with its name and its functions, in the same order.
The two agree to the last unit, so long as the contract's products fit 256 bits.
"""
