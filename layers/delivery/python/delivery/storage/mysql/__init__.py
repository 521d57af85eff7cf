"""How storage speaks to MySQL: connections, transactions, and statements written from lists of columns."""
