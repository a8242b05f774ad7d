"""What is remembered of an exchange, and how it survives.

`record` says what an incident is, `spool` makes it durable before the exchange is answered,
`recorder` carries it from the spool to the `store`, whose `tables` a console reads. `filters` say which
incidents are meant, `work` is what people do with them (`states` are its values, `work_tables` where it
lies). Law: content never enters this folder; a database that is away loses nothing.
"""
