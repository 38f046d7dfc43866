"""What the keepers decide, and how they run: publishers, executor, liquidator, withdrawals.

The decisions are functions of what is known, and touch no chain, disk or clock: `agreement`,
`tiles`, `orders`, `redemptions`, `bounds`, `endangered`, `patience`. What touches the world stands
beside them, and `bots/` makes a command of each keeper.
"""
