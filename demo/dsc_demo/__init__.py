"""The demonstration: three processes, real photos, one report."""
