// Reads {"pages": [{name, status, headers, body}], "screenshots"?: folder} on standard input, shows each page to Chromium in
// light and in dark, narrow and wide, and prints what is wrong with any of them as a list of sentences.
import { chromium } from 'playwright-core';
import axe from 'axe-core';

let text = '';
for await (const piece of process.stdin) text += piece;
const { pages, screenshots } = JSON.parse(text);
const faults = [];
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });

for (const colorScheme of ['light', 'dark']) {
  for (const width of [320, 1280]) {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 720 } });
    await context.addInitScript(axe.source);
    // A form that a page sends by itself goes nowhere, so that the page stays to be looked at.
    await context.addInitScript(() => {
      HTMLFormElement.prototype.submit = function sent() { this.dataset.sent = 'yes'; };
    });
    const page = await context.newPage();
    let one;
    const fault = (what) => faults.push(`${one.name}, ${colorScheme}, ${width} px: ${what}`);
    // The browser tells here what the page's policy forbids. That a status is an error is no fault of the page.
    page.on('console', (message) => message.text().startsWith('Failed to load resource') || fault(message.text()));
    page.on('pageerror', (error) => fault(String(error)));
    await page.route('**/*', (route) => {
      if (route.request().isNavigationRequest()) return route.fulfill(one);
      if (!route.request().url().endsWith('/favicon.ico')) fault(`asks for ${route.request().url()}`);
      return route.abort();
    });
    for (one of pages) {
      await page.goto('https://app.test/');
      if (screenshots) await page.screenshot({ path: `${screenshots}/${one.name}-${colorScheme}-${width}.png`, fullPage: true });
      const seen = await page.evaluate(async () => {
        const { violations } = await axe.run();
        const styled = getComputedStyle(document.querySelector('main')).maxWidth !== 'none';
        const { scrollWidth, clientWidth } = document.documentElement;
        const told = ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`;
        const deeds = document.querySelectorAll('a[href], button, input:not([type=hidden])').length;
        const sent = document.querySelectorAll('form[data-sent]').length;
        return { violations: violations.map(told), styled, scrolls: scrollWidth - clientWidth, deeds, sent };
      });
      seen.violations.forEach(fault);
      if (seen.sent !== one.body.split('<script>').length - 1) fault('its script does not send its form');
      if (!seen.styled) fault('its own style does not count');
      if (seen.scrolls > 0) fault(`scrolls sideways by ${seen.scrolls} px`);
      const reached = new Set();
      for (let i = 0; i < seen.deeds; i += 1) {
        await page.keyboard.press('Tab');
        const focus = await page.evaluate(() => {
          const { activeElement: element } = document;
          const visible = getComputedStyle(element).outlineStyle !== 'none';
          return { element: element === document.body ? null : element.outerHTML, visible };
        });
        if (focus.element && !focus.visible) fault(`no focus to be seen on ${focus.element}`);
        if (focus.element) reached.add(`${i} ${focus.element}`);
      }
      if (reached.size !== seen.deeds) fault(`${reached.size} of ${seen.deeds} actions by keyboard`);
    }
    await context.close();
  }
}
await browser.close();
console.log(JSON.stringify(faults));
