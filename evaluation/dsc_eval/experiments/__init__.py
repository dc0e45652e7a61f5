"""The experiments, a module and a TOML file each: figures and tables of the paper, and what goes beyond."""
