"""What do incidents and the vault share? One database: how it is reached, and its migrations.

`engines` opens it, `tables` is what all tables are made of, `schema` brings it to the newest schema,
`check` tells whether migrations and tables are in step. Law: nothing here knows any table.
"""
