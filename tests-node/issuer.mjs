// A real issuer for the end-to-end tests: oidc-provider, on loopback, giving JWT access tokens to clients that ask with
// their credentials (client_credentials, RFC 8707 resource indicators).
//
//   node issuer.mjs [PORT [NAME]]
//
// Prints one line of JSON once it answers: {"issuer": URL, "control": URL}. Ends when its standard input does, so that
// it never outlives the test that started it.
//
// The control server, on a port of its own, is what a test holds:
//   POST /rotate            new keys; the old ones are no longer published
//   POST /rotate?keep=1     new keys; the old ones stay published
//   POST /down              every request to the issuer gets 500
//   POST /down?how=refuse   connections to the issuer are refused
//   POST /up                the issuer answers again
//   POST /sign              {"alg", "claims", "header"}: any claims, signed with the present key
//   GET  /keys              how often the JWK Set was asked for
import crypto from 'node:crypto';
import http from 'node:http';
import Provider from 'oidc-provider';

const [port = '0', name = 'issuer'] = process.argv.slice(2);

/** Who may ask for tokens, and what is said of them. */
const CLIENTS = {
  ann: { groups: ['operators', 'staff'], preferred_username: 'ann.example', email: 'ann@home.example', email_verified: true },
  bob: { groups: ['staff'], preferred_username: 'bob.example' },
};

/** What tokens may be asked for: the resource, its audience and its algorithm. */
const RESOURCES = {
  'https://api.example/': { audience: 'api', alg: 'RS256' },
  'https://api.example/es': { audience: 'api', alg: 'ES256' },
  'https://other.example/': { audience: 'other', alg: 'RS256' },
};

let generation = 0;
let keys = [];
let provider;
let down = false;
let keySetRequests = 0;

function makeKeys() {
  generation += 1;
  const make = (alg, type, options) => {
    const { privateKey } = crypto.generateKeyPairSync(type, options);
    const kid = `${name}-${alg.toLowerCase()}-${generation}`;
    return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid };
  };
  return [
    make('RS256', 'rsa', { modulusLength: 2048 }),
    make('ES256', 'ec', { namedCurve: 'P-256' }),
  ];
}

function makeProvider(issuer, published) {
  const it = new Provider(issuer, {
    jwks: { keys: published },
    clients: Object.keys(CLIENTS).map((client_id) => ({
      client_id,
      client_secret: `secret-of-${client_id}`,
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    })),
    scopes: ['read', 'write'],
    extraTokenClaims: (_context, token) => CLIENTS[token.clientId],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => {
          const { audience, alg } = RESOURCES[resource];
          return {
            audience, scope: 'read write', accessTokenFormat: 'jwt', accessTokenTTL: 600, jwt: { sign: { alg } },
          };
        },
      },
    },
  });
  return it.callback();
}

/** A JWS over any claims, with the present key of `alg`. */
function sign({ alg, claims, header = {} }) {
  const jwk = keys.find((key) => key.alg === alg);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${part({ alg, typ: 'at+jwt', kid: jwk.kid, ...header })}.${part(claims)}`;
  const key = crypto.createPrivateKey({ key: jwk, format: 'jwk' });
  const signature = crypto.sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

const listen = (server, at) => new Promise((resolve, reject) => {
  server.once('error', reject);
  server.listen(at, '127.0.0.1', resolve);
});

const front = http.createServer((request, response) => {
  if (request.url.startsWith('/jwks')) keySetRequests += 1;
  if (down) {
    response.writeHead(500).end();
    return;
  }
  provider(request, response);
});
await listen(front, Number(port));
const at = front.address().port;
const issuer = `http://127.0.0.1:${at}`;
keys = makeKeys();
provider = makeProvider(issuer, keys);

const actions = {
  '/rotate': (query) => {
    const old = query.has('keep') ? keys : [];
    keys = makeKeys();
    provider = makeProvider(issuer, [...keys, ...old]);
    return { kid: keys.map((key) => key.kid) };
  },
  '/down': async (query) => {
    down = true;
    if (query.get('how') === 'refuse' && front.listening) {
      const closed = new Promise((resolve) => { front.close(resolve); });
      front.closeAllConnections();
      await closed;
    }
    return {};
  },
  '/up': async () => {
    down = false;
    if (!front.listening) await listen(front, at);
    return {};
  },
  '/sign': (_query, body) => ({ token: sign(JSON.parse(body)) }),
  '/keys': () => ({ requests: keySetRequests }),
};

const control = http.createServer(async (request, response) => {
  const url = new URL(request.url, 'http://control');
  let body = '';
  for await (const part of request) body += part;
  try {
    const answer = JSON.stringify(await actions[url.pathname](url.searchParams, body));
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
  } catch (error) {
    response.writeHead(400).end(String(error));
  }
});
await listen(control, 0);

process.stdin.on('end', () => process.exit()).resume();
console.log(JSON.stringify({ issuer, control: `http://127.0.0.1:${control.address().port}` }));
