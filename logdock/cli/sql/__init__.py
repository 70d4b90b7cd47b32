"""`logdock sql`: one SELECT over what landed, answered on this machine by DuckDB or in the deployment by Athena.

`statement` reads the SELECT and writes it for each engine; `hours` decides what of the archive it needs; `local` loads
and answers with DuckDB, `athena` runs it in the workgroup; `output` writes the answer.
"""
