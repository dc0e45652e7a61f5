"""Tables of a document, made from the CSV files of the experiments."""
