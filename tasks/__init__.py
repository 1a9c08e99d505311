"""Plain functions, one concept a file: a table (and a seed) in, a table and findings out. No Prefect in here."""
