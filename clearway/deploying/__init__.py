"""Putting everything on a pair of networks, and telling whether it is still as it was put."""
