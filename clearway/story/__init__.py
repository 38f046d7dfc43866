"""A story of people on both chains, told afterwards: its facts, pictures and page."""
