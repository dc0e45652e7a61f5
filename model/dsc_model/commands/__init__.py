"""The commands of `dsc-model`; each loads its libraries when it runs."""
