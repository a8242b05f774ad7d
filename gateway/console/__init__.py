"""What does the security team see and do? Pages in a browser, and the same as a REST API.

`document` is what can be set, `roles` who may do what, `accounts`, `sessions` and `keys` who somebody
is, `throttle` how often that may be tried, `oidc` how a provider says it. `desk` is all that can be
read and done, as plain values; `pages` shows it as HTML with `charts`, `api` as JSON. `guard` stands
before both, `app` puts them together. `gateway` is what the console is told of the running gateway.

Law: nothing is served but sign-in before somebody is known, nothing is done that `roles` does not
allow, and whatever changes something is in the audit log before the answer goes out. What is shown
was recorded without content; what somebody tries out is kept nowhere.
"""
