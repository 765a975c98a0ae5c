// A certified client of OpenID Providers, for the end-to-end tests: openid-client, as its own documentation uses it.
//
//   node client.mjs ISSUER CLIENT_ID PROOF REDIRECT_URI LOGGED_OUT_URI
//
// PROOF is `secret:…`, or `key:FILE` with a private key for P-256. Prints a line of JSON with the URL that the browser is to go
// to, and reads one, the URL at which the browser came back; prints what it made of it, {"claims", "userinfo"}, what its refresh
// token brought, {"renewed", "expires_in"}, and where the browser logs out, {"out", "state"}. It refuses, and fails, wherever the
// provider does not keep to the standards.
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import readline from 'node:readline';
import * as client from 'openid-client';

/** What it shows at the token endpoint: a secret in the form, or what it signs. */
async function proof(text) {
  if (text.startsWith('secret:')) return client.ClientSecretPost(text.slice('secret:'.length));
  const pkcs8 = createPrivateKey(readFileSync(text.slice('key:'.length))).export({ type: 'pkcs8', format: 'der' });
  return client.PrivateKeyJwt(await crypto.subtle.importKey('pkcs8', pkcs8, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']));
}

const [issuer, clientId, proves, redirectUri, loggedOutUri] = process.argv.slice(2);
const config = await client.discovery(new URL(issuer), clientId, undefined, await proof(proves));
const verifier = client.randomPKCECodeVerifier();
const state = client.randomState();
const nonce = client.randomNonce();
const url = client.buildAuthorizationUrl(config, {
  redirect_uri: redirectUri,
  scope: 'openid email profile offline_access',
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
});
console.log(JSON.stringify({ url: url.href }));
const lines = readline.createInterface({ input: process.stdin });
const { value: back } = await lines[Symbol.asyncIterator]().next();
const tokens = await client.authorizationCodeGrant(config, new URL(back), {
  pkceCodeVerifier: verifier,
  expectedState: state,
  expectedNonce: nonce,
  idTokenExpected: true,
});
const claims = tokens.claims();
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
console.log(JSON.stringify({ claims, userinfo }));
const renewed = await client.refreshTokenGrant(config, tokens.refresh_token, { expires_in: '60' });
console.log(JSON.stringify({ renewed: renewed.claims(), expires_in: renewed.expires_in }));
const out = client.buildEndSessionUrl(config, { id_token_hint: renewed.id_token, post_logout_redirect_uri: loggedOutUri, state });
console.log(JSON.stringify({ out: out.href, state }));
