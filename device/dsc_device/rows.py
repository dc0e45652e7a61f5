"""Rows of a feature file as queries: features that were extracted elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dsc_common.errors import InvalidInputError
from dsc_common.features.extraction import Extraction
from dsc_common.features.feature_file import read_features
from dsc_common.features.feature_table import FeatureTable


@dataclass(frozen=True, eq=False)
class QueryRow:
    """A row of a feature file."""

    table: FeatureTable
    row: int

    @property
    def name(self) -> str:
        """The name of the row."""
        return self.table.names[self.row]

    @property
    def content(self) -> Extraction:
        """What is encoded: q of unit length, and p."""
        return self.table.extraction(self.row)

    def check(self) -> None:
        """Nothing: every row was checked when the file was read."""

    def line_of(self, error: Exception) -> str:
        """The message of an error."""
        return str(error)


def find_rows(file: Path, names: Sequence[str] = ()) -> list[QueryRow]:
    """Rows of the queries of a feature file, or of its database if it has no queries.

    Args:
        file: the feature file.
        names: names of rows, in the order to send them; by default all rows.

    Raises:
        InvalidInputError: the file is not as `read_features` expects, or has no row of a name.
    """
    content = read_features(file)
    table = content.queries or content.database
    numbers = {name: row for row, name in enumerate(table.names)}
    for name in names:
        if name not in numbers:
            raise InvalidInputError(f"{file}: expected the name of a row, got {name}")
    return [QueryRow(table, numbers[name]) for name in names or table.names]
