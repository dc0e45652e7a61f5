"""What tests of several folders share: oracles, small data, processes."""
