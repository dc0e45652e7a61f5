"""The device on arm64, under emulation: an installation, tests, and packets beside those of this machine."""
