/** A server that answers from memory and a panel around a real notebook model: what the model of the panel needs. */

import { NotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import { Signal } from '@lumino/signaling';

import { Api, ApiError } from '../src/api';
import { IFixes, IOperation, IPipeline, IRun, IState, ISuggestion } from '../src/tokens';

/** A pipeline of one stage. */
export function pipeline(name = 'load'): IPipeline {
  return {
    notebook: 'n.ipynb',
    roles: [{ cell: 1, cell_id: 'c1', role: 'stage', stage: name, inferred: false, reason: '' }],
    stages: [{ name, cells: [1], cell_ids: ['c1'], reads: [], writes: [], volatile: [] }],
    edges: [],
    parameters: [],
    undecided: [],
    drawing: { width: 1, height: 1, box: { width: 1, height: 1 }, boxes: [], lines: [] },
    diagnostics: [],
    readiness: { percent: 10, steps: [] },
    stale: []
  };
}

/** A run in a state, begun at a second of a fixed minute. */
export function run(id: string, status: IRun['status'], second = 0): IRun {
  const started = `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`;
  return { run: id, status, started, stages: [], metrics: {}, gates: [], notes: [], error: null };
}

/** An operation in a state. */
export function operation(id: string, state: IOperation['state']): IOperation {
  const facts = { started: '2026-01-01T00:00:00Z', seconds: 1, steps: [], log: '', result: null, report: false, error: null };
  return { operation: id, kind: 'verify', state, ...facts };
}

/** What was asked of the server, in order, and what it answers. */
export class FakeApi {
  asked: unknown[][] = [];
  state_: IState = { runs: [], endpoints: [], operation: null };
  pipeline_: () => Promise<IPipeline> = async () => pipeline();
  suggestion_: ISuggestion = { cells: [], stages: [], notes: [] };
  fixes_: IFixes = { cells: [], requirements: [], fixed: [] };
  /** The HTTP status of every answer, 0 when nobody answers. */
  broken: number | null = null;

  private answer<T>(value: T, ...call: unknown[]): Promise<T> {
    this.asked.push(call);
    if (this.broken !== null) {
      const code = this.broken ? 'NB934' : 'NB932';
      return Promise.reject(new ApiError(this.broken, { code, message: 'no', hint: null }));
    }
    return Promise.resolve(value);
  }

  /** The names of the calls. */
  get names(): unknown[] {
    return this.asked.map(call => call[0]);
  }

  status = (): Promise<{ version: string }> => this.answer({ version: '0.1.0' }, 'status');
  state = (path: string): Promise<IState> => this.answer(this.state_, 'state', path);
  pipeline = async (path: string, content: unknown, signal?: AbortSignal): Promise<IPipeline> => {
    await this.answer(null, 'pipeline', path, content);
    const found = await this.pipeline_();
    if (signal?.aborted) {
      throw new DOMException('overtaken', 'AbortError');
    }
    return found;
  };
  suggestion = (path: string, content: unknown): Promise<ISuggestion> =>
    this.answer(this.suggestion_, 'suggestion', path, content);
  fixes = (path: string, _content: unknown, only: unknown): Promise<IFixes> =>
    this.answer(this.fixes_, 'fixes', path, only);
  run = (path: string, options: unknown): Promise<{ run: string }> => this.answer({ run: 'new' }, 'run', path, options);
  stopRun = (path: string, id: string): Promise<unknown> => this.answer({}, 'stopRun', path, id);
  start = (kind: string, path: string, body: unknown): Promise<IOperation> =>
    this.answer(operation('op', 'running'), 'start', kind, path, body);

  /** The fake as what the model takes. */
  get api(): Api {
    return this as unknown as Api;
  }
}

/** A panel around a notebook; what it is asked to do is kept. */
export class FakePanel {
  saves = 0;
  isDisposed = false;
  readonly content: any;
  readonly context: any;

  constructor(
    readonly model: NotebookModel,
    path = 'n.ipynb'
  ) {
    const widgets = Array.from(model.cells, cell => ({ model: cell, node: document.createElement('div') }));
    this.content = {
      model,
      widgets,
      activeCell: widgets[0],
      activeCellIndex: 0,
      modelContentChanged: model.contentChanged,
      scrollToCell: async () => undefined
    };
    this.context = {
      path,
      ready: Promise.resolve(),
      model: { dirty: true },
      contentsModel: { writable: true },
      pathChanged: new Signal<unknown, string>(this),
      save: async () => {
        this.saves += 1;
        this.context.model.dirty = false;
      }
    };
  }

  /** The fake as what the model takes. */
  get panel(): NotebookPanel {
    return this as unknown as NotebookPanel;
  }
}
