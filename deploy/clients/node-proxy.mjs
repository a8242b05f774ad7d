// For Node.js 18 to 23, whose built-in fetch ignores HTTPS_PROXY. Needs the package `undici`:
//   NODE_OPTIONS="--import=/etc/leakgate/node-proxy.mjs" node app.js
import { EnvHttpProxyAgent, setGlobalDispatcher } from "undici";

setGlobalDispatcher(new EnvHttpProxyAgent());
