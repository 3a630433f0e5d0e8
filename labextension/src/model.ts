/** All the panel shows, in one place, with one signal; views read it, `verbs.ts` changes what the server keeps. */

import { NotebookPanel } from '@jupyterlab/notebook';
import { Contents } from '@jupyterlab/services';
import { Poll } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import { Analysis } from './analysis';
import { Api, ApiError, problemOf } from './api';
import { isExecuted } from './drive';
import { draft, jumpTo, saved } from './notebook';
import { readTag, stagesOf } from './tags';
import { IChange, IEndpoint, IOperation, IPipeline, IProblem, IRun, IState, ISuggestion, ITag, IWhere } from './tokens';

const WHILE_LIVE = 700;
const WHILE_IDLE = 5000;

/** What the tabs of the panel are called. */
export type Tab = 'pipeline' | 'schedule' | 'monitor';

/** Forms that open below the buttons; one at a time. */
export type Form = 'deploy' | 'sweep' | null;

type Settable = 'tab' | 'form' | 'suggestion' | 'problem' | 'overrides' | 'chosen' | 'run' | 'operation' | 'endpointsToken';

/** The state of the panel for the notebook at hand. */
export class Model {
  panel: NotebookPanel | null = null;
  server: 'unknown' | 'there' | 'missing' = 'unknown';
  version = '';
  pipeline: IPipeline | null = null;
  suggestion: ISuggestion | null = null;
  run: IRun | null = null;
  runs: IRun[] = [];
  endpoints: IEndpoint[] = [];
  operation: IOperation | null = null;
  problem: IProblem | null = null;
  busy = '';
  overrides: { [name: string]: string } = {};
  /** The name taken as the model, where several may hold it. */
  chosen = '';
  tab: Tab = 'pipeline';
  form: Form = null;
  /** Grow when the server says that schedules or endpoints changed. */
  schedulesToken = 0;
  endpointsToken = 0;

  private readonly _changed = new Signal<this, void>(this);
  private readonly _poll: Poll;
  private readonly _seen = new Map<string, number>();
  private _dismissed = '';
  private _newest = '';
  private readonly _analysis: Analysis;

  constructor(
    readonly api: Api,
    readonly contents: Pick<Contents.IManager, 'localPath' | 'get'>,
    private readonly reveal: (panel: NotebookPanel) => void = () => undefined
  ) {
    this._analysis = new Analysis(api, () => void this.analyse());
    this._poll = new Poll({
      name: 'nbprod:state',
      auto: false,
      factory: () => (this.server === 'unknown' ? this.look() : this.refresh()),
      frequency: { interval: WHILE_IDLE, backoff: true, max: 30_000 },
      standby: 'when-hidden'
    });
  }

  /** Emitted after anything changed. */
  readonly changed: ISignal<this, void> = this._changed;

  /** The notebook's path as the server's own file system knows it, without a drive such as `RTC:`. */
  get path(): string {
    return this.panel ? this.contents.localPath(this.panel.context.path) : '';
  }

  /** Whether a run is going on. */
  get live(): boolean {
    return this.runs.some(run => run.status === 'running') || this.run?.status === 'running';
  }

  /** Whether anything is going on that must end before another thing is started. */
  get working(): boolean {
    return this.live || this.busy !== '' || this.operation?.state === 'running';
  }

  /** The names of the stages, in order: analysis' own where there is one, else those the cells are tagged with. */
  get stages(): string[] {
    return this.pipeline?.stages.map(stage => stage.name) ?? stagesOf(this.panel?.model?.cells ?? []);
  }

  /** The tag of the cell that is active in the notebook. */
  get activeTag(): ITag | null {
    const cell = this.panel?.content.activeCell?.model;
    return cell ? readTag(cell) : null;
  }

  /** Show another notebook, or none; one that a run executed is only looked at, the panel stays with its own. */
  async setNotebook(panel: NotebookPanel | null): Promise<void> {
    if (panel === this.panel || (panel && isExecuted(panel.context.path))) {
      return;
    }
    this.panel?.content.modelContentChanged.disconnect(this.onContent, this);
    this.panel?.context.pathChanged.disconnect(this.onPath, this);
    this.panel = panel;
    this.forget();
    this.notify();
    await panel?.context.ready;
    if (!panel || this.panel !== panel || panel.isDisposed) {
      return;
    }
    panel.content.modelContentChanged.connect(this.onContent, this);
    panel.context.pathChanged.connect(this.onPath, this);
    await this.look();
    await this._poll.start();
  }

  /** Ask whether the server extension is there, then for everything. */
  async look(): Promise<void> {
    try {
      this.version = (await this.api.status()).version;
      this.server = 'there';
      this.clear();
    } catch (error) {
      this.server = error instanceof ApiError && [404, 405].includes(error.status) ? 'missing' : 'unknown';
      this.problem = this.server === 'missing' ? null : problemOf(error);
    }
    this.notify();
    await Promise.all([this.analyse(), this.refresh()]);
  }

  /** Ask what the notebook means as it stands in the editor. */
  async analyse(): Promise<void> {
    const panel = this.panel;
    if (this.server !== 'there' || !panel?.model) {
      return;
    }
    try {
      const found = await this._analysis.ask(this.path, draft(panel));
      if (found === null || panel !== this.panel) {
        return;
      }
      this.pipeline = found;
      this.clear();
    } catch (error) {
      this.problem = problemOf(error);
    }
    this.notify();
  }

  /** Ask for runs, endpoints and whatever is going on. */
  async refresh(): Promise<void> {
    const path = this.path;
    if (this.server !== 'there' || !path) {
      return;
    }
    let found: IState;
    try {
      found = await this.api.state(path);
    } catch (error) {
      if (path === this.path) {
        this.problem = problemOf(error);
        this.notify();
      }
      throw error;
    }
    if (path === this.path) {
      this.keep(found);
    }
  }

  /** Take in a hint of the server: the state is fetched, the hint itself is not believed. */
  onEvent(change: IChange): void {
    if (change.path === this.path) {
      this.schedulesToken += change.what === 'schedules' ? 1 : 0;
      this.endpointsToken += change.what === 'endpoints' ? 1 : 0;
      void this._poll.refresh();
    }
  }

  /** Do one thing that the server has to be asked for; the notebook is saved first where it matters. */
  async act(busy: string, work: (path: string) => Promise<unknown>, save = false): Promise<void> {
    const panel = this.panel;
    if (!panel || this.busy) {
      return;
    }
    this.busy = busy;
    this.problem = null;
    this.notify();
    try {
      if (save) {
        await saved(panel, this.contents);
      }
      await work(this.path);
    } catch (error) {
      this.problem = problemOf(error);
    }
    this.busy = '';
    this.notify();
    await this._poll.refresh();
  }

  /** Show an earlier run in the picture. */
  show(run: IRun): void {
    if (!this.live) {
      this.run = run;
      this.notify();
    }
  }

  /** Change what the panel shows: a tab, a form, a proposal. */
  set(change: Partial<Pick<Model, Settable>>): void {
    Object.assign(this, change);
    this.notify();
  }

  /** Set a parameter for the next run; null takes the override away. */
  setParameter(name: string, text: string | null): void {
    const { [name]: _old, ...others } = this.overrides;
    this.set({ overrides: text === null ? others : { ...others, [name]: text } });
  }

  /** Forget the last problem, and an operation that has ended. */
  dismiss(): void {
    if (this.operation && this.operation.state !== 'running') {
      this._dismissed = this.operation.operation;
      this.operation = null;
    }
    this.set({ problem: null });
  }

  /** Seconds since something began, by the server's word, else since it was first seen. */
  secondsOf(key: string, since?: string | null): number {
    const began = since ? Date.parse(since) : NaN;
    const seen = this._seen.get(key) ?? Date.now();
    this._seen.set(key, seen);
    return Math.max(0, (Date.now() - (Number.isFinite(began) ? began : seen)) / 1000);
  }

  /** Bring the notebook to the front and go to a cell of it. */
  jump(where: Pick<IWhere, 'cell' | 'cell_id'>): void {
    if (this.panel) {
      this.reveal(this.panel);
      void jumpTo(this.panel, where);
    }
  }

  /** The notebook as it stands in the editor. */
  draft(): unknown {
    return this.panel ? draft(this.panel) : null;
  }

  /** Tell the views. */
  notify(): void {
    this._changed.emit();
  }

  private keep(found: IState): void {
    const wasWorking = this.live || this.operation?.state === 'running';
    const newest = found.runs[0] ?? null;
    const wanted = newest && newest.run !== this._newest ? newest.run : this.run?.run; // a new run is shown, once
    this._newest = newest?.run ?? '';
    this.runs = found.runs;
    this.run = found.runs.find(run => run.run === wanted) ?? this.run;
    this.endpoints = found.endpoints;
    this.operation = found.operation?.operation === this._dismissed ? null : found.operation;
    this.clear();
    const nowWorking = this.live || this.operation?.state === 'running';
    this._poll.frequency = { ...this._poll.frequency, interval: nowWorking ? WHILE_LIVE : WHILE_IDLE };
    if (wasWorking && !nowWorking) {
      this._analysis.again(); // readiness and staleness have moved on
    }
    this.notify();
  }

  private onContent(): void {
    this._analysis.later();
  }

  private onPath(): void {
    this.forget();
    void this.look();
  }

  /** Take away a problem that the server's answering has settled. */
  private clear(): void {
    if (this.problem && ['NB932', 'NB933', 'NB934'].includes(this.problem.code)) {
      this.problem = null;
    }
  }

  private forget(): void {
    this.pipeline = this.suggestion = this.run = this.operation = this.problem = this.form = null;
    [this.runs, this.endpoints, this.overrides] = [[], [], {}];
    this._newest = this.chosen = '';
    this._analysis.forget();
    this._seen.clear();
  }
}
