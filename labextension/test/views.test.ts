/** What the views say of times, schedules and addresses. */

import { describe, expect, test } from 'vitest';

import { nameFor } from '../src/panel/schedule-form';
import { cronOf } from '../src/panel/schedule-when';
import { isRemote } from '../src/panel/snippets';
import { clock } from '../src/panel/times';

describe('when', () => {
  const when = { time: '06:05', day: '5', cron: '1 2 3 * *' };

  test.each([
    ['hourly', '5 * * * *'],
    ['daily', '5 6 * * *'],
    ['weekdays', '5 6 * * 1-5'],
    ['weekly', '5 6 * * 5'],
    ['own', '1 2 3 * *']
  ])('%s', (preset, cron) => {
    expect(cronOf({ ...when, preset })).toBe(cron);
  });

  test('a moment is told by the clock of a zone', () => {
    const moment = '2026-03-29T06:30:00+02:00';
    expect(clock(moment, 'Europe/Berlin')).toContain('06:30');
    expect(clock(moment, 'America/New_York')).toContain('00:30');
  });

  test('a zone that the browser does not know leaves the moment as it was written', () => {
    expect(clock('2026-03-29T06:30:00+02:00', 'Nowhere/At_All')).toBe('2026-03-29 06:30');
  });
});

describe('the name of a schedule', () => {
  test.each([
    ['deep/churn.ipynb', [], 'churn'],
    ['churn.ipynb', ['churn', 'churn-2'], 'churn-3'],
    ['my model, v2.ipynb', [], 'my-model--v2'],
    ['1.ipynb', [], '_1'],
    [`${'x'.repeat(80)}.ipynb`, [], 'x'.repeat(60)]
  ])('%s beside %j', (path, taken, name) => {
    expect(nameFor(path, taken)).toBe(name);
    expect(name).toMatch(/^[A-Za-z_][A-Za-z0-9_-]{0,62}$/);
  });
});

test.each([
  ['localhost', 'http://localhost:8888/', false],
  ['127.0.0.1', 'http://127.0.0.1:8888/', false],
  ['[::1]', 'http://[::1]:8888/', false],
  ['localhost', 'http://localhost:8888/user/ann/', true],
  ['hub.example', 'https://hub.example/', true]
])('a page of %s with the base %s is remote: %s', (host, base, remote) => {
  expect(isRemote(host, base)).toBe(remote);
});
