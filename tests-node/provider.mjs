// A real OpenID Provider at which people log in, for the end-to-end tests: oidc-provider, on loopback, with refresh tokens
// that hold once (a second use takes back everything that was given with them) and all three kinds of logout.
//
//   node provider.mjs '{"clients": [{"client_id": …, "client_secret": …, "redirect_uris": […], …}], "first_ttl": 600}'
//
// `first_ttl` is how long access tokens last that come with a login, in seconds; those of a refresh last 600. Each client may have `backchannel_logout_uri`, `frontchannel_logout_uri` and `post_logout_redirect_uris`. Prints one line
// of JSON once it answers: {"issuer": URL, "control": URL}. Ends when its standard input does, so that it never outlives the
// test that started it.
//
// The control server, on a port of its own, is what a test holds:
//   POST /down                 every request to the provider gets 500
//   POST /down?how=refuse      connections to the provider are refused
//   POST /down?how=token       every request to the token endpoint gets 503
//   POST /up                   the provider answers again
//   POST /delay?ms=N           the token endpoint answers N milliseconds after it did its work
//   POST /revoke?user=NAME     everything that was given in this user's name is taken back
//   POST /logout?user=NAME     an administrator ends this user's sessions: clients are told behind the browser's back
//   GET  /counts               what was asked of the token endpoint: {"authorization_code": N, "refresh_token": N, "refused": N}
import crypto from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import Provider, { interactionPolicy } from 'oidc-provider';

const { clients, first_ttl: firstTtl = 600, port = 0 } = JSON.parse(process.argv[2]);

/** Who may log in, with any password. */
const PEOPLE = {
  ann: {
    groups: ['staff', 'operators'], preferred_username: 'ann.doe', name: 'Ann Doe', email: 'ann@home.test', email_verified: true,
    locale: 'en-GB',
  },
  bob: { groups: ['staff'], preferred_username: 'bob.roe', name: 'Bob Roe', email: 'bob@home.test', email_verified: true },
};

let down = '';
let delay = 0;
const counts = { authorization_code: 0, refresh_token: 0, refused: 0 };
/** What was given to whom: user, client, the session at the provider, the grant. */
const given = [];

/** Requests to the clients' own servers, whose names are known to the tests alone. */
function tell(url, { method, headers, body }) {
  return new Promise((resolve, reject) => {
    const options = {
      method,
      headers: Object.fromEntries(headers),
      lookup: (_name, { all }, found) => (all ? found(null, [{ address: '127.0.0.1', family: 4 }]) : found(null, '127.0.0.1', 4)),
      rejectUnauthorized: false,
    };
    const request = (String(url).startsWith('https:') ? https : http).request(url, options, (response) => {
      response.resume().on('end', () => resolve(new Response(null, { status: response.statusCode })));
    });
    request.on('error', reject).end(body ? String(body) : undefined);
  });
}

/** Whoever logs in agrees to everything that is asked for. */
async function agreed(context) {
  const { client, session, params } = context.oidc;
  const id = session.grantIdFor(client.clientId);
  const before = id && (await provider.Grant.find(id));
  const grant = before ?? new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope(params.scope);
  await grant.save();
  return grant;
}

const lasts = ({ oidc }) => (oidc.params.grant_type === 'refresh_token' ? 600 : firstTtl);

const policy = interactionPolicy.base();
policy.remove('consent');

/** The page that asks who it is. */
const signIn = (uid, hint) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in</title>
<form method="post" action="/interaction/${uid}"><input name="login" value="${hint}"><input name="password" type="password">
<button>Sign in</button></form></html>`;

/** The page that asks whether it is meant. */
const signOut = (form) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign out</title>${form}
<button type="submit" form="op.logoutForm" value="yes" name="logout">Sign out</button></html>`;

/** Frames of the clients that want to be told in front; then on. */
const frames = (urls, on) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Signing out</title>
${urls.map((url) => `<iframe src="${url.replaceAll('&', '&amp;')}" title="a client"></iframe>`).join('')}
<script>addEventListener('load', () => location.replace(${JSON.stringify(on)}))</script></html>`;

const front = http.createServer((request, response) => {
  if (down === 'token' ? request.url === '/token' : down) {
    response.writeHead(down === 'token' ? 503 : 500).end();
    return;
  }
  answer(request, response);
});
const listen = (server, at) => new Promise((resolve, reject) => {
  server.once('error', reject);
  server.listen(at, '127.0.0.1', resolve);
});
await listen(front, port);
const at = front.address().port;
const issuer = `http://127.0.0.1:${at}`;

const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
const provider = new Provider(issuer, {
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'provider-1' }] },
  clients: clients.map((client) => ({
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    backchannel_logout_session_required: Boolean(client.backchannel_logout_uri),
    ...client,
  })),
  scopes: ['openid', 'offline_access'],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'locale', 'groups'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false,
  findAccount: (_context, id) => PEOPLE[id] && { accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) },
  loadExistingGrant: agreed,
  interactions: { policy, url: (_context, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: (_context, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  extraClientMetadata: { properties: ['frontchannel_logout_uri'] },
  fetch: tell,
  ttl: {
    AccessToken: lasts, IdToken: lasts, RefreshToken: 86_400, Session: 86_400, Grant: 86_400, Interaction: 3600,
  },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (context, form) => { context.body = signOut(form); },
      postLogoutSuccessSource: (context) => { context.body = 'signed out\n'; },
    },
  },
});

provider.use(async (context, next) => {
  await next();
  if (context.path === '/token' && delay > 0) await new Promise((resolve) => { setTimeout(resolve, delay); });
  const { session } = context.oidc ?? {};
  if (context.oidc?.route !== 'end_session_confirm' || context.status !== 303) return;
  const urls = Object.entries(session.authorizations ?? {}).flatMap(([id, { sid }]) => {
    const url = clients.find((client) => client.client_id === id)?.frontchannel_logout_uri;
    return url ? [`${url}?iss=${encodeURIComponent(issuer)}&sid=${sid}`] : [];
  });
  if (urls.length === 0) return;
  const on = context.response.get('location');
  context.response.remove('location');
  context.status = 200;
  context.type = 'html';
  context.body = frames(urls, on);
});

provider.on('grant.success', ({ oidc }) => { counts[oidc.params.grant_type] += 1; });
provider.on('grant.error', () => { counts.refused += 1; });
provider.on('authorization.success', ({ oidc }) => {
  const { client, session } = oidc;
  given.push({
    user: session.accountId, client, sid: session.sidFor(client.clientId), grant: session.grantIdFor(client.clientId),
  });
});
provider.on('server_error', (_context, error) => console.error(error));

/** Reads a form. */
async function form(request) {
  let text = '';
  for await (const part of request) text += part;
  return new URLSearchParams(text);
}

async function interact(request, response) {
  const { uid, params } = await provider.interactionDetails(request, response);
  if (request.method !== 'POST') {
    const hint = (params.login_hint ?? '').replace(/[^a-z]/g, '');
    response.writeHead(200, { 'content-type': 'text/html' }).end(signIn(uid, hint));
    return;
  }
  const accountId = (await form(request)).get('login');
  const result = PEOPLE[accountId]
    ? { login: { accountId, remember: true } }
    : { error: 'access_denied', error_description: 'nobody is called that' };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

const rest = provider.callback();
function answer(request, response) {
  if (!request.url.startsWith('/interaction/')) {
    rest(request, response);
    return;
  }
  interact(request, response).catch((error) => response.writeHead(400).end(`${error}\n`));
}

const actions = {
  '/down': async (query) => {
    down = query.get('how') ?? 'all';
    if (down === 'refuse' && front.listening) {
      const closed = new Promise((resolve) => { front.close(resolve); });
      front.closeAllConnections();
      await closed;
    }
    return {};
  },
  '/up': async () => {
    down = '';
    if (!front.listening) await listen(front, at);
    return {};
  },
  '/delay': (query) => {
    delay = Number(query.get('ms'));
    return {};
  },
  '/revoke': async (query) => {
    const own = given.filter(({ user }) => user === query.get('user'));
    for (const { grant } of own) {
      await Promise.all(['RefreshToken', 'AccessToken'].map((kind) => provider[kind].revokeByGrantId(grant)));
      await (await provider.Grant.find(grant))?.destroy();
    }
    return { grants: own.length };
  },
  '/logout': async (query) => {
    const own = given.filter(({ user, client }) => user === query.get('user') && client.backchannelLogoutUri);
    const sessions = new Map(own.map((one) => [one.sid, one]));
    await Promise.all([...sessions.values()].map(({ client, user, sid }) => client.backchannelLogout(user, sid)));
    return { sessions: sessions.size };
  },
  '/counts': () => counts,
};

const control = http.createServer(async (request, response) => {
  const url = new URL(request.url, 'http://control');
  try {
    const done = JSON.stringify(await actions[url.pathname](url.searchParams));
    response.writeHead(200, { 'content-type': 'application/json' }).end(done);
  } catch (error) {
    response.writeHead(400).end(`${error}\n`);
  }
});
await listen(control, 0);

process.stdin.on('end', () => process.exit()).resume();
console.log(JSON.stringify({ issuer, control: `http://127.0.0.1:${control.address().port}` }));
