"""The packet x = [h, e_1, ..., e_T] (eq. 12): its shape, its bytes, its head."""
