"""The way in from Borg Web UI: read its database, show what would come along, and bring it in.

`reading` takes the rows out of the file, which is never written to. `planning` says what becomes of every single row, and
`applying` does it, all or nothing. The command and the page are two doors to the same functions.
"""
