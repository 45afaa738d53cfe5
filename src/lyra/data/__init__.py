"""Whatever the user has -> complete rows, and who sits where.

Files and frames become a table (`files`, `reading`, `shards`, `tables`); a formula becomes columns (`grammar`,
`formula`); cells used as numbers become numbers (`cells`), labels stay as written (`labels`); one projection of
complete rows is made (`query`), scanned (`scan`), or read as a history (`history`, `units`). `check`, `values` and
`rows` do the same for arrays.
"""
