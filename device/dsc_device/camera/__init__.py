"""Photos of a camera: captured with a time limit, by a process that is killed when it hangs."""
