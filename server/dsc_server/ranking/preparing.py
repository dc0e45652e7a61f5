"""What the first query would wait for, done before it: loops are compiled, tables of the index computed."""

from dsc_common.packet.format import Payload
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.index.word_distances import DEFAULT_MEMORY_BYTES
from dsc_server.kernels.choice import kernels


def prepare(index: SemanticIndex, table_memory_bytes: int = DEFAULT_MEMORY_BYTES) -> str:
    """Prepare for queries of an index.

    Args:
        index: the index.
        table_memory_bytes: memory for distances between words, with a code per partition.

    Returns:
        What computes the inner loops: numba or numpy.
    """
    _ = index.visited, index.rows, index.list_sizes
    index.word_distances.memory_bytes = table_memory_bytes
    if index.format.payload is Payload.CODE:
        index.summary.word_likelihood.prepare()
    return kernels().name
