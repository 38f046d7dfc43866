"""Counts what a word of 32 bits names; twin of contracts/math/bits.vy."""


def count(word: int) -> int:
    return word.bit_count()
