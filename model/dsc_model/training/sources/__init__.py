"""Data to train on: published tuples, folders of groups, ground truths of this project."""
