// SPDX-License-Identifier: Apache-2.0
// The script of a report: draws the page's Vega-Lite specifications, sorts its tables, switches light and dark.
import * as encoders from 'vega-encode';
import * as labels from 'vega-label';
import * as transformsOfData from 'vega-transforms';
import * as transformsOfViews from 'vega-view-transforms';
import {expressionInterpreter} from 'vega-interpreter';
import {transforms} from 'vega-dataflow';
import {extend} from 'vega-util';
import {parse} from 'vega-parser';
import {View} from 'vega-view';
import {compile} from 'vega-lite';
import theme from './theme.json';

extend(transforms, transformsOfData, transformsOfViews, encoders, labels); // what compiled Vega-Lite is made of

// Nothing is ever fetched, whatever a specification says.
const loader = {
  load: (uri) => Promise.reject(new Error(`not loaded: ${uri}`)),
  sanitize: (uri) => Promise.reject(new Error(`not linked: ${uri}`)),
};

async function draw(figure) {
  const place = figure.querySelector('.chart > div'); // the library names and describes it as it likes
  const {spec} = compile(JSON.parse(figure.querySelector('script').textContent), {config: theme});
  // As a syntax tree that is interpreted: the page allows no code made from text.
  const view = new View(parse(spec, null, {ast: true}), {
    expr: expressionInterpreter, renderer: 'svg', container: place, loader, hover: false,
  });
  await view.runAsync();
}

// A cell sorts by its number where it has one, else by its text; missing values come last either way.
function keyOf(cell) {
  const text = cell.dataset.v ?? cell.textContent;
  if (text === '' || text === '-') return null;
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

function compareKeys(a, b) {
  if (typeof a === typeof b) return typeof a === 'number' ? a - b : a.localeCompare(b, 'en', {numeric: true});
  return typeof a === 'number' ? -1 : 1;
}

function sortBy(head) {
  const table = head.closest('table');
  const sign = head.getAttribute('aria-sort') === 'ascending' ? -1 : 1;
  for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
  head.setAttribute('aria-sort', sign > 0 ? 'ascending' : 'descending');
  const body = table.tBodies[0];
  const keyed = Array.from(body.rows, (row) => [keyOf(row.cells[head.cellIndex]), row]);
  keyed.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : sign * compareKeys(a, b)));
  body.append(...keyed.map(([, row]) => row));
}

for (const button of document.querySelectorAll('th button')) {
  button.addEventListener('click', () => sortBy(button.closest('th')));
}

const scheme = document.getElementById('scheme');
scheme.hidden = false;
scheme.addEventListener('click', () => {
  const root = document.documentElement;
  const isDark = root.dataset.scheme ? root.dataset.scheme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.scheme = isDark ? 'light' : 'dark';
});

Promise.allSettled(Array.from(document.querySelectorAll('figure'), draw)).then((outcomes) => {
  const errors = outcomes.filter((outcome) => outcome.status === 'rejected').map((outcome) => outcome.reason);
  for (const error of errors) console.error(error);
  document.documentElement.dataset.drawn = String(outcomes.length - errors.length);
});
