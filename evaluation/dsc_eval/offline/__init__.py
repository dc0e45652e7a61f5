"""The whole system by function calls: device, channel and server cores without a network."""
