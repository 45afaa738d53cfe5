"""Whatever the user has -> complete rows, and who sits where.

A formula is read (`tokens`, `terms`, `grammar`, `formula`) and becomes columns (`columns`, `coding`). Files and frames
become a table (`files`, `embedded`, `reading`, `widening`, `shards`, `tables`); cells used as numbers become numbers
(`cells`), labels stay as written (`labels`, `order`). Of a table one projection is made (`projection`), its rows are
counted (`census`), its columns settled (`query`); then it is scanned (`scan`), or read as a history (`history`,
`units`). `check`, `values` and `rows` do the same for arrays.
"""
