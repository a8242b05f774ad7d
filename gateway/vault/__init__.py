"""Which value does a token stand for, and for whom? What answers that come later are restored from.

`keys` is the file of keys that tokens are minted and rows are sealed with, `sealing` closes and opens
single values, `tables` and `store` keep them per actor for a time, `front` is the way in from the
proxy's event loop. Law: without the keys, which are not in the database, a copy of the database tells
neither a value nor a token nor a person; and what one person sent is never told to another.
"""
