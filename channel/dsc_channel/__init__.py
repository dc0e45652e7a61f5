"""The channel proxy: modulates a packet, adds noise, forwards the signal to the server."""
