"""How does traffic meet inspection? The only folder that knows mitmproxy.

- `authority`  the gateway's own certificate authority
- `tuning`     which of mitmproxy's checks on itself are left out
- `layers`     what we change in mitmproxy's protocol layers, and why
- `manager`    the hook dispatcher: fast, and it fails closed
- `connections` how a connection runs: fewer tasks and writes, closed when it fails
- `routing`    which connections are opened and which pass untouched
- `gate`       the hooks: build an exchange, ask for a decision, enforce it
- `server`     puts these together and runs them

Law: the default is refusal. Only a completed decision lets an exchange to an inspected host out.
"""

from gateway.proxy import tuning

tuning.apply()
