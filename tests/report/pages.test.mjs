// SPDX-License-Identifier: Apache-2.0
// Opens each report of BITSWEEP_REPORTS (test_report.py makes them) in Chromium and compares what is there with
// expectations.json: what the API says should be.
import assert from 'node:assert/strict';
import {createRequire} from 'node:module';
import fs from 'node:fs';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {pathToFileURL} from 'node:url';

const folder = process.env.BITSWEEP_REPORTS;
const {chromium} = createRequire(path.join(process.env.BITSWEEP_REPORT_TOOLS, 'x.js'))('playwright-core');
const expectations = JSON.parse(fs.readFileSync(path.join(folder, 'expectations.json'), 'utf8'));

let browser;
before(async () => {
  browser = await chromium.launch({executablePath: process.env.BITSWEEP_CHROMIUM, args: ['--no-sandbox']});
});
after(() => browser.close());

// The page, once all is drawn, and what it did that it must not.
async function open(file, {width = 1000, scheme = 'light'} = {}) {
  const page = await browser.newPage({viewport: {width, height: 800}, colorScheme: scheme});
  const wrong = [];
  const url = pathToFileURL(path.join(folder, file)).href;
  page.on('console', (message) => wrong.push(`console ${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => { if (request.url() !== url) wrong.push(`request: ${request.url()}`); });
  await page.goto(url);
  await page.waitForFunction(() => document.documentElement.dataset.drawn !== undefined);
  return {page, wrong};
}

// Marks of a layer: items are direct children of its groups.
const marksOf = (page, figure, layer) => page.evaluate(
  ([id, name]) => Array.from(document.querySelectorAll(`figure[id="${id}"] g.${name}_marks`))
    .reduce((sum, group) => sum + group.childElementCount, 0), [figure, layer]);

// Texts that reach over the edge of their picture, where they are not seen.
const cutTexts = (page) => page.locator('figure svg').evaluateAll((all) => all.flatMap((svg) => {
  const edge = svg.getBoundingClientRect();
  const isCut = (at) => at.right > edge.right + 1 || at.left < edge.left - 1 ||
    at.top < edge.top - 1 || at.bottom > edge.bottom + 1;
  return Array.from(svg.querySelectorAll('text'))
    .filter((text) => text.textContent && getComputedStyle(text).opacity !== '0' && isCut(text.getBoundingClientRect()))
    .map((text) => `${svg.closest('figure').id}: ${text.textContent}`);
}));

for (const {file, title, figures, tables, texts} of expectations) {
  test(`${file}: marks, tables and texts are there, and nothing else happens`, async () => {
    const {page, wrong} = await open(file);
    assert.equal(await page.locator('h1').textContent(), title);
    assert.equal(await page.title(), title);
    const ids = await page.locator('figure').evaluateAll((all) => all.map((figure) => figure.id));
    assert.deepEqual(ids.slice().sort(), Object.keys(figures).sort());
    assert.equal(await page.locator('figure svg').count(), ids.length);
    for (const [figure, layers] of Object.entries(figures)) {
      for (const [layer, count] of Object.entries(layers)) {
        assert.equal(await marksOf(page, figure, layer), count, `${figure}: ${layer}`);
      }
    }
    const rows = await page.locator('table').evaluateAll(
      (all) => Object.fromEntries(all.map((table) => [table.caption.textContent, table.tBodies[0].rows.length])));
    assert.deepEqual(rows, tables);
    assert.deepEqual(await cutTexts(page), []);
    const text = await page.locator('body').innerText();
    for (const part of texts) assert.ok(text.includes(part), `no ${JSON.stringify(part)} in the page`);
    assert.deepEqual(wrong, []);
    await page.close();
  });

  test(`${file}: fits a phone, and is drawn there`, async () => {
    const {page, wrong} = await open(file, {width: 360});
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 360, 'the page scrolls sideways');
    const widths = await page.locator('figure svg').evaluateAll((all) => all.map((svg) => svg.getBoundingClientRect().width));
    assert.ok(widths.every((width) => width > 250 && width <= 360), `widths ${widths}`);
    assert.deepEqual(await cutTexts(page), []);
    assert.deepEqual(wrong, []);
    await page.close();
  });

  test(`${file}: is well formed for those who listen to it`, async () => {
    const {page} = await open(file);
    const problems = await page.evaluate(() => {
      const found = [];
      const ids = Array.from(document.querySelectorAll('[id]'), (element) => element.id);
      if (new Set(ids).size !== ids.length) found.push('an id stands twice');
      let level = 0;
      for (const head of document.querySelectorAll('h1, h2, h3')) {
        if (Number(head.tagName[1]) > level + 1) found.push(`a heading is skipped before ${head.textContent}`);
        level = Number(head.tagName[1]);
      }
      for (const chart of document.querySelectorAll('.chart')) {
        if (chart.getAttribute('role') !== 'img' || !(chart.getAttribute('aria-label') ?? '').trim()) found.push('a picture without words');
      }
      for (const table of document.querySelectorAll('table')) {
        if (!table.querySelector('thead th[scope=col]')) found.push('a table without heads');
        for (const row of table.tBodies[0].rows) if (!row.querySelector('th[scope=row]')) found.push('a row without a head');
      }
      for (const link of document.querySelectorAll('nav a')) {
        if (!document.querySelector(link.getAttribute('href'))) found.push(`${link.textContent} leads nowhere`);
      }
      return found;
    });
    assert.deepEqual(problems, []);
    await page.close();
  });
}

const brightness = (colour) => {
  const [red, green, blue] = colour.match(/[\d.]+/g).map(Number);
  return (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
};
// Brightness of the page, of its text and of the text of a picture's axis.
const looks = async (page) => (await page.evaluate(() => [
  getComputedStyle(document.documentElement).backgroundColor, getComputedStyle(document.body).color,
  getComputedStyle(document.querySelector('figure svg .role-axis-label text')).fill])).map(brightness);

test('light, dark and paper', async () => {
  const {file} = expectations.find((entry) => entry.file === 'axes.html');
  for (const scheme of ['light', 'dark']) {
    const {page} = await open(file, {scheme});
    const [ground, text, label] = await looks(page);
    const isDark = scheme === 'dark';
    assert.equal(ground < 0.2, isDark);
    assert.equal(text > 0.8, isDark);
    assert.equal(label > 0.8, isDark);
    await page.locator('#scheme').click();
    assert.equal((await looks(page))[0] < 0.2, !isDark);
    assert.equal((await looks(page))[2] > 0.8, !isDark);
    await page.emulateMedia({media: 'print'}); // of either, after the button too
    const printed = await looks(page);
    assert.ok(printed[0] > 0.95 && printed[1] < 0.2 && printed[2] < 0.2, `printed: ${printed}`);
    assert.equal(await page.locator('#scheme').isVisible(), false);
    assert.equal(await page.locator('nav').isVisible(), false);
    await page.close();
  }
});

test('paper has every picture, and none is cut off', async () => {
  const {page} = await open('axes.html');
  await page.setViewportSize({width: 688, height: 1000}); // A4 within its margins
  await page.emulateMedia({media: 'print'});
  const widths = await page.locator('figure svg').evaluateAll((all) => all.map((svg) => svg.getBoundingClientRect().right));
  assert.equal(widths.length, Object.keys(expectations.find((entry) => entry.file === 'axes.html').figures).length);
  assert.ok(widths.every((right) => right > 300 && right <= 688), `right edges ${widths}`);
  const tables = await page.locator('table').evaluateAll((all) => all.map((table) => table.getBoundingClientRect().right));
  assert.ok(tables.length > 0 && tables.every((right) => right <= 688), `right edges of tables ${tables}`);
  assert.ok((await page.pdf({format: 'A4'})).length > 20000);
  await page.close();
});

test('tables sort by numbers and by words, missing values last', async () => {
  const {page} = await open('partial.html');
  const table = page.locator('table', {has: page.locator('caption', {hasText: /^Configurations$/})});
  const columnOf = async (name) => {
    const heads = await table.locator('thead th').allTextContents();
    return heads.findIndex((head) => head.startsWith(name));
  };
  const cellsOf = async (column) => table.locator('tbody tr').evaluateAll(
    (rows, at) => rows.map((row) => row.cells[at].textContent), column);
  const sortedBy = async (name) => {
    const column = await columnOf(name);
    await table.locator('thead th button').nth(column).click();
    return [await cellsOf(column), await table.locator('thead th').nth(column).getAttribute('aria-sort')];
  };
  const numbers = (cells) => cells.filter((cell) => cell !== '-').map(Number);
  const before = await cellsOf(await columnOf('val acc'));
  assert.ok(before.includes('-') && numbers(before).length > 1, `nothing to sort in ${before}`);
  for (const sign of [1, -1]) {
    const [cells, said] = await sortedBy('val acc');
    assert.deepEqual(numbers(cells), numbers(before).sort((a, b) => sign * (a - b)));
    assert.equal(cells.indexOf('-'), numbers(before).length, 'missing values are not last');
    assert.equal(said, sign > 0 ? 'ascending' : 'descending');
  }
  const [rates] = await sortedBy('learning rate'); // as numbers: 1e-5 before 0.001, which words would turn round
  assert.deepEqual(rates.map(Number), rates.map(Number).sort((a, b) => a - b));
  const [optimizers] = await sortedBy('optimizer');
  assert.deepEqual(optimizers, optimizers.slice().sort());
  assert.equal(await table.locator('th[aria-sort]').count(), 1);
  await page.close();
});

test('the policy lets no other script run and nothing out', async () => {
  const {page} = await open('axes.html');
  await page.evaluate(() => {
    window.refused = [];
    document.addEventListener('securitypolicyviolation', (event) => window.refused.push(event.effectiveDirective));
    const script = document.createElement('script');
    script.textContent = 'window.injected = true';
    document.body.append(script);
    setTimeout('window.evaluated = true', 0); // code made from text
    document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x.png'}));
    fetch('http://127.0.0.1:9/').catch(() => {});
  });
  await page.waitForFunction(() => window.refused.length >= 4);
  assert.deepEqual(await page.evaluate(() => [window.refused.sort(), window.injected, window.evaluated]),
    [['connect-src', 'img-src', 'script-src', 'script-src-elem'], undefined, undefined]);
  await page.close();
});
