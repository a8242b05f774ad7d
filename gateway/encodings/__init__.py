"""How do bytes on the wire become text, and how does an edit of the text get back into the bytes?

Law: pure functions, no knowledge of services; what is decoded here can be rewritten here, and
every byte outside an edit is kept.
"""
