// A person's browser, for the end-to-end tests: Chromium. Every host whose name ends in `.test` is this machine.
//
// Each line of standard input is one command in JSON, each line of standard output its answer; ends when its input does.
// A command is about a `tab` ("one" unless it says another), and what it does has happened when the tab shows a whole page
// whose URL begins with `until` (whatever the URL is, without it):
//   {"do": "go", "url": URL}                   the address bar
//   {"do": "sign in", "as": NAME}              the provider's form
//   {"do": "press", "name": TEXT}              a button or a link
//   {"do": "send", "to": PATH}                 a form on the page shown, by POST
//   {"do": "run", "script": TEXT}              an expression in the page shown; `value` is what it comes to
//   {"do": "tabs", "urls": [URL, …], "as"?: NAME}  all of them at once, each signing in where it is asked to
//   {"do": "cookies", "url": URL}              what the browser keeps for it, in `value`
//   {"do": "anew"}                             another person's browser
//   {"do": "look", "file": PATH}               a picture of the tab
// The answer: {"url", "status", "title", "text", "errors": [what the console calls an error], "value"}; of `tabs`, a list of those.
import readline from 'node:readline';
import { chromium } from 'playwright-core';

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  // As root Chromium has no sandbox.
  args: ['--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP *.test 127.0.0.1'],
});
let context = await browser.newContext();
let tabs = new Map();

/** Opens a tab that remembers what its console says and what its last page came with. */
async function tab(name) {
  if (tabs.has(name)) return tabs.get(name);
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const it = { page, errors: [], status: 0 };
  page.on('console', (message) => {
    // That a status says no is no fault of the page, and browsers ask for icons by themselves.
    const of = `${message.text()} ${message.location().url}`;
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) it.errors.push(of);
  });
  page.on('pageerror', (error) => it.errors.push(String(error)));
  page.on('response', (response) => {
    const request = response.request();
    if (request.isNavigationRequest() && request.frame() === page.mainFrame()) it.status = response.status();
  });
  tabs.set(name, it);
  return it;
}

async function shown({ page, errors, status }) {
  return {
    url: page.url(), status, title: await page.title(), text: await page.locator('body').innerText(), errors: errors.splice(0),
  };
}

/** Does what leads to another page, and waits for it. */
async function leading({ page }, until, deed) {
  const there = until
    ? page.waitForURL((url) => url.href.startsWith(until), { waitUntil: 'load' })
    : page.waitForEvent('load');
  await Promise.all([there, deed()]);
}

const signIn = (it, as, until) => leading(it, until, async () => {
  await it.page.fill('input[name=login]', as);
  await it.page.fill('input[name=password]', 'any');
  await it.page.click('button');
});

const deeds = {
  go: async (it, { url, until }) => {
    await leading(it, until, () => it.page.goto(url));
  },
  'sign in': (it, { as, until }) => signIn(it, as, until),
  press: (it, { name, until }) => leading(it, until, () => {
    const named = (role) => it.page.getByRole(role, { name, exact: true });
    return named('button').or(named('link')).first().click();
  }),
  send: (it, { to, until }) => leading(it, until, () => it.page.evaluate((action) => {
    const form = document.createElement('form');
    Object.assign(form, { method: 'post', action });
    document.body.append(form);
    form.submit();
  }, to)),
  run: async (it, { script }) => it.page.evaluate(script),
  cookies: (_it, { url }) => context.cookies(url),
  look: (it, { file }) => it.page.screenshot({ path: file, fullPage: true }).then(() => null),
  anew: async () => {
    await context.close();
    context = await browser.newContext();
    tabs = new Map();
  },
};

async function all({ urls, as }) {
  const its = await Promise.all(urls.map((_url, number) => tab(`all-${number}`)));
  await Promise.all(its.map((it, number) => it.page.goto(urls[number])));
  const signing = (it, number) => signIn(it, as, urls[number]).catch((error) => {
    throw new Error(`${urls[number]}: at ${it.page.url()} (${it.status}): ${error}`);
  });
  if (as) await Promise.all(its.map((it, number) => it.page.url().startsWith(urls[number]) || signing(it, number)));
  return Promise.all(its.map(shown));
}

const say = (answer) => console.log(JSON.stringify(answer));
say({ ready: true });
for await (const line of readline.createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  try {
    if (command.do === 'tabs') {
      say(await all(command));
    } else if (command.do === 'anew') {
      await deeds.anew();
      say({});
    } else {
      const it = await tab(command.tab ?? 'one');
      const value = await deeds[command.do](it, command);
      say({ ...(await shown(it)), value });
    }
  } catch (error) {
    say({ failed: String(error) });
  }
}
await browser.close();
