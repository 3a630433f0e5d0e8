/** How views ask the server. */

import { ReactWidget } from '@jupyterlab/apputils';
import { Widget } from '@lumino/widgets';
import * as React from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { ApiError } from '../src/api';
import { useAsked } from '../src/panel/parts';

type Answer = { take(words: string): void; fail(): void };

let asked: Answer[] = [];
let show: (what: string, wanted?: boolean) => void = () => undefined;
let widget: Widget;

function Probe(): JSX.Element {
  const [{ what, wanted }, set] = React.useState({ what: 'a', wanted: true });
  show = (what, wanted = true) => set({ what, wanted });
  const ask = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const wrong = new ApiError(500, { code: 'NB934', message: 'no', hint: null });
      asked.push({ take: words => resolve(`${what} ${words}`), fail: () => reject(wrong) });
    });
  const { found, problem, again } = useAsked(ask, [what], wanted);
  return <p onClick={() => void again()}>{`${found} ${problem?.code ?? ''}`}</p>;
}

const text = (): string => widget.node.textContent ?? '';

beforeEach(() => {
  asked = [];
  widget = ReactWidget.create(<Probe />);
  Widget.attach(widget, document.body);
  return vi.waitFor(() => expect(asked).toHaveLength(1));
});

afterEach(() => widget.dispose());

test('an answer to a question that was overtaken is dropped, also when it comes last', async () => {
  show('b');
  await vi.waitFor(() => expect(asked).toHaveLength(2));
  asked[1].take('new');
  await vi.waitFor(() => expect(text()).toBe('b new '));
  asked[0].take('old');
  await Promise.resolve();
  expect(text()).toBe('b new ');
});

test('what was found stays beside a problem, and an answer takes the problem away', async () => {
  asked[0].take('first');
  await vi.waitFor(() => expect(text()).toBe('a first '));
  widget.node.querySelector('p')?.click();
  asked[1].fail();
  await vi.waitFor(() => expect(text()).toBe('a first NB934'));
  widget.node.querySelector('p')?.click();
  asked[2].take('second');
  await vi.waitFor(() => expect(text()).toBe('a second '));
});

test('nothing is asked while nobody wants to know', async () => {
  show('b', false);
  await vi.waitFor(() => expect(text()).toBe('null '));
  asked[0].take('late');
  await Promise.resolve();
  expect(asked).toHaveLength(1);
  expect(text()).toBe('null ');
});
