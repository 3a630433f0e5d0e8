/** The model of the panel: what it asks, when, what it keeps, and what it does to the notebook. */

import { nullTranslator } from '@jupyterlab/translation';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { ApiError } from '../src/api';
import { Model } from '../src/model';
import { readTag } from '../src/tags';
import { applySuggestion, fix, startOperation, startRun, stopRun, suggest } from '../src/verbs';
import { FakeApi, FakePanel, operation, pipeline, run } from './fakes';
import { notebook, nth } from './notebooks';

const trans = nullTranslator.load('nbprod');
const file = { cells: [] as unknown[] };
const contents = {
  localPath: (path: string) => path.replace(/^RTC:/, ''),
  get: async (_path: string, options?: { content?: boolean }) => ({ content: options?.content ? file : null }) as any
};
let server: FakeApi;
let model: Model;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  server = new FakeApi();
  model = new Model(server.api, contents);
});

afterEach(async () => {
  await model.setNotebook(null);
  vi.useRealTimers();
});

async function shown(path = 'n.ipynb', sources = ['x = 1', 'y = x']): Promise<FakePanel> {
  const panel = new FakePanel(notebook(sources), path);
  await model.setNotebook(panel.panel);
  return panel;
}

describe('the server', () => {
  test('is asked for its version, the pipeline and the state; a drive is taken off the path', async () => {
    await shown('RTC:deep/n.ipynb');
    expect(model.server).toBe('there');
    expect(model.stages).toEqual(['load']);
    expect(server.asked.filter(call => call[0] === 'state')[0]).toEqual(['state', 'deep/n.ipynb']);
  });

  test('without the extension leaves tagging alive and shows no problem', async () => {
    server.broken = 404;
    await shown();
    expect(model.server).toBe('missing');
    expect(model.problem).toBeNull();
    expect(server.names).not.toContain('pipeline');
  });

  test('that does not answer is a problem until it answers again', async () => {
    await shown();
    server.broken = 0;
    await expect(model.refresh()).rejects.toThrow();
    expect(model.problem?.code).toBe('NB932');
    server.broken = null;
    await model.refresh();
    expect(model.problem).toBeNull();
  });

  test("hints of other notebooks are nothing, one's own ask for the state", async () => {
    await shown();
    const before = model.schedulesToken;
    model.onEvent({ path: 'other.ipynb', what: 'schedules', id: '' });
    expect(model.schedulesToken).toBe(before);
    model.onEvent({ path: 'n.ipynb', what: 'schedules', id: '' });
    expect(model.schedulesToken).toBe(before + 1);
  });
});

describe('analysis', () => {
  test('follows an edit after a pause, once, with what the editor holds', async () => {
    const panel = await shown();
    server.asked = [];
    const source = nth(panel.model, 1).sharedModel;
    ['x = 2', 'x = 23', 'x = 234'].forEach(text => source.setSource(text));
    await vi.advanceTimersByTimeAsync(700);
    const asked = server.asked.filter(call => call[0] === 'pipeline');
    expect(asked).toHaveLength(1);
    expect((asked[0][2] as any).cells[0].source).toBe('x = 234');
  });

  test('an answer that was overtaken is not shown', async () => {
    const panel = await shown();
    let late: (found: any) => void = () => undefined;
    server.pipeline_ = () => new Promise(resolve => (late = resolve));
    nth(panel.model, 1).sharedModel.setSource('slow = 1');
    await vi.advanceTimersByTimeAsync(700);
    const first = late;
    server.pipeline_ = async () => pipeline('fresh');
    nth(panel.model, 1).sharedModel.setSource('fast = 1');
    await vi.advanceTimersByTimeAsync(700);
    first(pipeline('late'));
    await vi.advanceTimersByTimeAsync(0);
    expect(model.stages).toEqual(['fresh']);
  });

  test('a question that another window overtook is asked again, and is no problem', async () => {
    const panel = await shown();
    const overtaken = new ApiError(409, { code: 'NB931', message: 'overtaken', hint: null });
    server.pipeline_ = () => Promise.reject(overtaken);
    nth(panel.model, 1).sharedModel.setSource('x = 3');
    await vi.advanceTimersByTimeAsync(30);
    expect(model.problem).toBeNull();
    server.pipeline_ = async () => pipeline('again');
    await vi.advanceTimersByTimeAsync(700);
    expect(model.stages).toEqual(['again']);
  });

  test('the same content is not asked for twice, another notebook is', async () => {
    await shown();
    server.asked = [];
    await model.analyse();
    expect(server.names).not.toContain('pipeline');
    await shown('other.ipynb');
    expect(server.names).toContain('pipeline');
  });
});

describe('the state', () => {
  test('a new run is shown, an older one that was chosen stays', async () => {
    await shown();
    server.state_ = { ...server.state_, runs: [run('b', 'succeeded', 2), run('a', 'failed', 1)] };
    await model.refresh();
    expect(model.run?.run).toBe('b');
    model.show(model.runs[1]);
    await model.refresh();
    expect(model.run?.run).toBe('a');
    server.state_ = { ...server.state_, runs: [run('c', 'running', 3), ...server.state_.runs] };
    await model.refresh();
    expect([model.run?.run, model.live]).toEqual(['c', true]);
  });

  test('an operation that was dismissed does not come back; one that runs is not dismissed', async () => {
    await shown();
    server.state_ = { ...server.state_, operation: operation('o', 'running') };
    await model.refresh();
    model.dismiss();
    expect(model.operation?.operation).toBe('o');
    server.state_ = { ...server.state_, operation: operation('o', 'succeeded') };
    await model.refresh();
    model.dismiss();
    await model.refresh();
    expect(model.operation).toBeNull();
  });

  test('a renamed notebook starts anew', async () => {
    const panel = await shown();
    server.state_ = { ...server.state_, runs: [run('a', 'succeeded')] };
    await model.refresh();
    server.state_ = { runs: [], endpoints: [], operation: null };
    panel.context.path = 'new.ipynb';
    panel.context.pathChanged.emit('new.ipynb');
    await vi.advanceTimersByTimeAsync(0);
    expect([model.path, model.runs, model.run]).toEqual(['new.ipynb', [], null]);
  });

  test('an executed notebook that is looked at leaves the panel with its own', async () => {
    await shown();
    await model.setNotebook(new FakePanel(notebook(['x = 1']), 'nbprod-runs:n.ipynb/@ab12/load.ipynb').panel);
    expect(model.path).toBe('n.ipynb');
  });
});

describe('verbs', () => {
  test('a run saves first and carries what was changed in the form', async () => {
    const panel = await shown();
    model.setParameter('n', '3');
    await startRun(model, { from: 'load' });
    expect(panel.saves).toBe(1);
    expect(server.asked.find(call => call[0] === 'run')).toEqual(['run', 'n.ipynb', { parameters: { n: '3' }, from: 'load' }]);
    expect(model.run?.run).toBe('new');
  });

  test('a read-only notebook with changes is not run, and says why', async () => {
    const panel = await shown();
    panel.context.contentsModel.writable = false;
    await startRun(model);
    expect(server.names).not.toContain('run');
    expect(model.problem?.code).toBe('NB937');
  });

  test('a read-only notebook runs as its file has it, whatever JupyterLab noted besides the cells', async () => {
    const panel = await shown();
    panel.context.contentsModel.writable = false;
    file.cells = [
      { cell_type: 'code', source: ['x = ', '1'], metadata: {}, outputs: [{}] },
      { cell_type: 'code', source: 'y = x', metadata: {} }
    ];
    await startRun(model);
    expect([panel.saves, server.names.includes('run')]).toEqual([0, true]);
  });

  test('the name chosen as the model goes along, as long as it may be one', async () => {
    server.pipeline_ = async () => ({ ...pipeline(), undecided: ['ridge', 'forest'] });
    await shown();
    model.set({ chosen: 'forest' });
    await startRun(model);
    await startOperation(model, 'deploy', { target: 'local' });
    await startOperation(model, 'verify');
    model.set({ chosen: 'gone' });
    await startOperation(model, 'build');
    const sent = server.asked.filter(call => ['run', 'start'].includes(String(call[0]))).map(call => (call.pop() as any).model);
    expect(sent).toEqual(['forest', 'forest', undefined, undefined]);
  });

  test('a save that did not happen starts nothing', async () => {
    const panel = await shown();
    panel.context.save = async () => undefined;
    await startOperation(model, 'verify');
    expect(server.names).not.toContain('start');
    expect(model.problem?.code).toBe('NB938');
  });

  test('stopping asks for the run that goes on, not for the one that is shown', async () => {
    await shown();
    server.state_ = { ...server.state_, runs: [run('live', 'running', 5), run('old', 'failed', 1)] };
    await model.refresh();
    model.run = model.runs[1];
    await stopRun(model);
    expect(server.asked.find(call => call[0] === 'stopRun')).toEqual(['stopRun', 'n.ipynb', 'live']);
  });

  test('what fails on the server is the problem shown, and the panel can be used again', async () => {
    await shown();
    server.broken = 422;
    await startRun(model);
    expect([model.problem?.message, model.busy]).toEqual(['no', '']);
  });

  test('suggested tags are written together, kept ones left, and one undo takes them back', async () => {
    const panel = await shown('n.ipynb', ['import os', 'x = 1', '%%mlops stage mine\ny = x']);
    const cell = (number: number, role: string, stage: string | null, kept = false): any => ({
      ...{ cell: number, cell_id: `c${number}`, role, stage, kept, reason: '' }
    });
    const cells = [cell(1, 'setup', null), cell(2, 'stage', 'load'), cell(3, 'stage', 'mine', true)];
    server.suggestion_ = { cells, stages: [], notes: [] };
    await suggest(model);
    expect(readTag(nth(panel.model, 2))).toBeNull();
    applySuggestion(model, server.suggestion_);
    const tags = (): unknown[] => [1, 2, 3].map(number => readTag(nth(panel.model, number))?.stage ?? readTag(nth(panel.model, number))?.role);
    expect(tags()).toEqual(['setup', 'load', 'mine']);
    expect(nth(panel.model, 3).getMetadata('nbprod')).toBeUndefined();
    panel.model.sharedModel.undo();
    expect(tags()).toEqual([undefined, undefined, 'mine']);
  });

  test('mending edits cells by their id and is undone as one', async () => {
    const panel = await shown();
    server.fixes_ = {
      cells: [
        { cell_id: 'c1', source: 'x = 2' },
        { cell_id: 'c2', metadata: { nbprod: { stage: 'two' } } },
        { cell_id: 'gone', source: 'z' }
      ],
      requirements: [],
      fixed: []
    };
    await fix(model, { code: 'NB304', cell_id: 'c1' }, trans);
    expect(nth(panel.model, 1).sharedModel.getSource()).toBe('x = 2');
    expect(readTag(nth(panel.model, 2))?.stage).toBe('two');
    panel.model.sharedModel.undo();
    expect(nth(panel.model, 1).sharedModel.getSource()).toBe('x = 1');
    expect(readTag(nth(panel.model, 2))).toBeNull();
  });

  test('what no edit mends is said', async () => {
    await shown();
    await fix(model, { code: 'NB201', cell_id: 'c1' }, trans);
    expect(model.problem?.code).toBe('NB940');
  });
});
