"""What the local network and the bridge cost: time, space and gas."""
