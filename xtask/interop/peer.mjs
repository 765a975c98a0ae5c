// jose (npm), as others would use it.
//
//   peer.mjs FOLDER make     tokens of these claims in every algorithm, keys made anew
//   peer.mjs FOLDER judge    judges tokens
//
// FOLDER is where jose is installed. What is read and written is as in peers.py.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [folder, what] = process.argv.slice(2);
const jose = await import(pathToFileURL(createRequire(`${folder}/`).resolve('jose')).href);
const HMAC = { HS256: 32, HS384: 48, HS512: 64 };
const ALGORITHMS = [
  ...Object.keys(HMAC), 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519',
];
const say = (value) => console.log(JSON.stringify(value));
const lines = createInterface({ input: process.stdin });

async function makeOne(algorithm, claims) {
  const kid = `jose-${algorithm}`;
  let key;
  let jwk;
  let pem = null;
  if (algorithm in HMAC) {
    key = crypto.getRandomValues(new Uint8Array(HMAC[algorithm]));
    jwk = await jose.exportJWK(key);
  } else {
    const pair = await jose.generateKeyPair(algorithm, { extractable: true });
    key = pair.privateKey;
    jwk = await jose.exportJWK(pair.publicKey);
    pem = await jose.exportSPKI(pair.publicKey);
  }
  const token = await new jose.SignJWT(claims).setProtectedHeader({ alg: algorithm, kid }).sign(key);
  return { algorithm, jwk: { ...jwk, alg: algorithm, use: 'sig', kid }, pem, token };
}

async function judgeOne({ name, token, jwks, issuer, audience }) {
  const options = {
    issuer, audience, algorithms: jwks.keys.map((key) => key.alg), requiredClaims: ['exp'], clockTolerance: 60,
  };
  // A set of public keys takes no shared secret; who has one hands it over by itself.
  const [only] = jwks.keys;
  const key = only.kty === 'oct' ? await jose.importJWK(only) : jose.createLocalJWKSet(jwks);
  try {
    await jose.jwtVerify(token, key, options);
    return { name, accepted: true, why: '' };
  } catch (error) {
    return { name, accepted: false, why: `${error.code}: ${error.message}` };
  }
}

for await (const line of lines) {
  const input = JSON.parse(line);
  if (what === 'judge') {
    say(await judgeOne(input));
  } else {
    for (const algorithm of ALGORITHMS) say(await makeOne(algorithm, input.claims));
  }
}
