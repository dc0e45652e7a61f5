"""What a device keeps on disk: queries that wait, photos that were seen, the answer that is being written."""
