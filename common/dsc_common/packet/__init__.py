"""The packet x = [h, e_1, ..., e_T] (eq. 12): shape, bytes and head."""
