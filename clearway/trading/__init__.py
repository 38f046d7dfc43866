"""What a person does with the market: trade, provide, look; on a deployment's two chains."""
