// A certified client of OpenID Providers, for the end-to-end tests: openid-client, as its own documentation uses it.
//
//   node client.mjs ISSUER CLIENT_ID SECRET REDIRECT_URI
//
// Prints one line of JSON with the URL that the browser is to go to; reads one line, the URL at which the browser came back;
// prints what it made of it: {"claims", "userinfo"}. It refuses, and fails, wherever the provider does not keep to the
// standards.
import readline from 'node:readline';
import * as client from 'openid-client';

const [issuer, clientId, secret, redirectUri] = process.argv.slice(2);
const config = await client.discovery(new URL(issuer), clientId, secret);
const verifier = client.randomPKCECodeVerifier();
const state = client.randomState();
const nonce = client.randomNonce();
const url = client.buildAuthorizationUrl(config, {
  redirect_uri: redirectUri,
  scope: 'openid email profile',
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
