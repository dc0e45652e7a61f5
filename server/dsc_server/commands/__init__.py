"""The commands of `dsc-server`; each loads what it needs when it runs."""
