"""Who is behind a request? People, their groups and devices, by what operators trust.

Law: somebody is named only by what was verified: a password, a certificate, a proxy or a map that the
settings name. What cannot be verified now names nobody, and what is not known stays unknown.
"""
