"""Clearway: leverage trading on an Ethereum L2, with the way back to L1 always open."""
