"""Code that several roles share: packet, codebooks, radio, extractor, wire, serving, errors."""

import os

# Read by gRPC when it is imported. Our error lines have the cause, so its lines are left out.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
