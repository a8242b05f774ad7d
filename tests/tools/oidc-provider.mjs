// A real OpenID Connect provider, with the pages for signing in that come with it.
//
//   node oidc-provider.mjs NODE_MODULES BACK
//
// Prints the address that it listens on. Whoever signs in as NAME gets the groups below.

import http from "node:http";

const [modules, back] = process.argv.slice(2);
const { default: Provider } = await import(`file://${modules}/oidc-provider/lib/index.js`);

const GROUPS = { ann: ["security-analysts"], root: ["security-admins", "staff"], eve: ["staff"] };

const server = http.createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "leakgate",
        client_secret: "a secret of the tests",
        redirect_uris: [back],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    claims: { openid: ["sub"], profile: ["groups", "preferred_username"], email: ["email", "email_verified"] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({
        sub: `subject-${id}`,
        email: `${id}@example.com`,
        email_verified: id !== "mallory",
        preferred_username: id,
        groups: GROUPS[id] ?? [],
      }),
    }),
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
