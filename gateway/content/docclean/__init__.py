"""How does a document look without who made it, or without what it does not show?

`tree` changes one XML part, `package` keeps the parts together, `properties` are the small parts that
tell of the document; `word`, `sheets`, `slides`, `opendocument` and `portable` (PDF) know the formats;
`whole` is asked.

Law: runs in the sandbox only. What is shown stays: texts that a reader sees are compared before and
after, pages of a PDF are drawn and compared. What cannot be done so is `CannotRewrite`, and nothing else
is raised.
"""
