"""The channel proxy: modulates a packet, adds noise, hands the signal to the server."""
