"""Who did what in the console and on the command line? A log that shows when somebody has changed it.

`chain` says what an entry is and how entries hang together, `tables` how they lie in the database,
`log` writes, lists and verifies them, `keeping` has the key and remembers on this machine how far the
log was. Law: a change and its entry are one transaction; and without the key, which is not in the
database, nobody can alter, remove, insert, reorder or cut off entries unseen.

What that does not cover: whoever has both the database and the key can write the log anew. Against
them only a head that was noted elsewhere helps (`Head.text`); every gateway writes heads to its log.
"""
