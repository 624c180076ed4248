"""Tables and records in CSV and Parquet files, with the line and the cell of every mistake."""
