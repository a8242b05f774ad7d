"""How are people told to think before they send, and what did they answer?

`lessons` are what is told, `tables` and `store` what is remembered, `front` how the proxy's event loop
reaches that, `pages` what a person sees. Law: nothing here lets anything by. It keeps which grants
somebody has; whether they cover a request is for `policy.evaluate` to say.
"""
