"""Who else is told of incidents? The systems that the operator names under `exports`, one file per kind.

`document` says what can be set, `building` makes a sink of it, `syslog`, `splunk`, `webhook`,
`kafka` and `lines` are the sinks, `digest` and `mail` tell of many at once, `cef`, `ocsf` and `plain` the forms of an incident, `ledger` remembers in the
database what each sink was told, `running` is the task behind each sink. Law: every incident that is
stored is told at least once, and no content with it; a sink that is slow or away holds up nobody.
"""
