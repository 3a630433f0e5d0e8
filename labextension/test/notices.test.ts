/** When the end of work is announced. */

import { Notification } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { beforeEach, expect, test } from 'vitest';

import { Model } from '../src/model';
import { Notices } from '../src/notices';
import { operation, run } from './fakes';

const model = { path: 'deep/n.ipynb', runs: [] as unknown[], operation: null as unknown, changed: new Signal({}) };
new Notices(model as unknown as Model, nullTranslator.load('nbprod'), () => undefined);

function see(runs: unknown[], operation: unknown = null): string[] {
  Object.assign(model, { runs, operation });
  (model.changed as Signal<object, void>).emit();
  return Notification.manager.notifications.map(item => `${item.type} ${item.message}`);
}

beforeEach(() => Notification.manager.dismiss());

test('a run is as long as the server says, also when it was seen late', () => {
  expect(see([run('abcdef', 'running')])).toEqual([]);
  expect(see([{ ...run('abcdef', 'succeeded'), seconds: 12.3 }])).toEqual(['success n.ipynb: run abcd done in 12.3 s']);
});

test('a short run and one that had ended before are not announced', () => {
  see([run('short', 'running')]);
  expect(see([{ ...run('short', 'failed'), seconds: 3 }, { ...run('old', 'failed'), seconds: 60 }])).toEqual([]);
});

test('a failure says what failed, and stays', () => {
  see([], operation('op1', 'running'));
  const error = { code: 'NB601', message: 'no engine answers', hint: null };
  expect(see([], { ...operation('op1', 'failed'), seconds: 20, error })).toEqual(['error n.ipynb: verify no engine answers']);
  expect(Notification.manager.notifications[0].options.autoClose).toBe(false);
});
