"""Rows of an experiment with the scores of single queries, by which schemes are compared."""

from collections.abc import Mapping

from dsc_eval.output import Row


class ScoredRow(Row):
    """A row, and the average precision of each query that its mAP is the mean of.

    Attributes:
        precisions: by the query's number in the benchmark; over noise, means over the draws.
    """

    def __init__(self, row: Row, precisions: Mapping[int, float]) -> None:
        super().__init__(row)
        self.precisions = dict(precisions)
