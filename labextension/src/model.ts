/** All the panel shows, in one place, with one signal; views read it and call its methods, nothing else. */

import { NotebookPanel } from '@jupyterlab/notebook';
import { Contents } from '@jupyterlab/services';
import { Debouncer, Poll } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import { Api, ApiError, problemOf } from './api';
import { draft } from './notebook';
import { readTag, stagesOf } from './tags';
import { IEndpoint, IOperation, IPipeline, IProblem, IRun, ITag } from './tokens';

const WHILE_LIVE = 500;
const WHILE_IDLE = 5000;
const AFTER_TYPING = 600;
const NOTHING_YET = { stages: [], metrics: {}, gates: [], notes: [], error: null };

/** The state of the panel for the notebook at hand. */
export class Model {
  panel: NotebookPanel | null = null;
  server: 'unknown' | 'there' | 'missing' = 'unknown';
  version = '';
  pipeline: IPipeline | null = null;
  run: IRun | null = null;
  runs: IRun[] = [];
  endpoints: IEndpoint[] = [];
  operation: IOperation | null = null;
  problem: IProblem | null = null;
  busy = '';
  overrides: { [name: string]: string } = {};

  private readonly _changed = new Signal<this, void>(this);
  private readonly _analysis: Debouncer;
  private readonly _poll: Poll;
  private _since = new Map<string, number>();
  private _analysed = '';

  constructor(
    readonly api: Api,
    private readonly contents: Contents.IManager
  ) {
    this._analysis = new Debouncer(() => this.analyse(), AFTER_TYPING);
    this._poll = new Poll({
      name: 'nbprod:state',
      auto: false,
      factory: () => (this.server === 'unknown' ? this.look() : this.refresh()),
      frequency: { interval: WHILE_IDLE, backoff: true, max: 60_000 },
      standby: 'when-hidden'
    });
  }

  /** Emitted after anything changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The notebook's path as the server's own file system knows it, without a drive such as `RTC:`. */
  get path(): string {
    return this.panel ? this.contents.localPath(this.panel.context.path) : '';
  }

  /** Whether a run is going on. */
  get live(): boolean {
    return this.run?.status === 'running';
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

  /** Show another notebook, or none. */
  async setNotebook(panel: NotebookPanel | null): Promise<void> {
    if (panel === this.panel) {
      return;
    }
    this.panel?.content.modelContentChanged.disconnect(this.onContent, this);
    this.panel = panel;
    this.forget();
    this.notify();
    if (panel === null) {
      return;
    }
    await panel.context.ready;
    if (this.panel !== panel || panel.isDisposed) {
      return;
    }
    panel.content.modelContentChanged.connect(this.onContent, this);
    await this.look();
    await this._poll.start();
  }

  /** Ask whether the server extension is there, then for everything. */
  async look(): Promise<void> {
    try {
      this.version = (await this.api.status()).version;
      this.server = 'there';
    } catch (error) {
      this.server = error instanceof ApiError && [404, 405].includes(error.status) ? 'missing' : 'unknown';
      this.problem = this.server === 'missing' ? null : problemOf(error);
    }
    this.notify();
    await this.analyse();
    try {
      await this.refresh();
    } catch (error) {
      this.problem = problemOf(error);
      this.notify();
    }
  }

  /** Ask what the notebook means as it stands in the editor. */
  async analyse(): Promise<void> {
    const panel = this.panel;
    if (this.server !== 'there' || !panel?.model) {
      return;
    }
    const content = draft(panel);
    const text = JSON.stringify(content);
    if (text === this._analysed) {
      return;
    }
    try {
      const found = await this.api.pipeline(this.path, content);
      if (panel === this.panel) {
        this.pipeline = found;
        this._analysed = text;
        this.clear('NB0');
      }
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
    const wasWorking = this.live || this.operation?.state === 'running';
    if (this.live && this.run) {
      this.keep(path, { run: await this.api.oneRun(path, this.run.run) });
    }
    if (this.operation?.state === 'running') {
      this.keep(path, { operation: await this.api.operation(path, this.operation.operation) });
    }
    if (!this.live) {
      const [runs, endpoints] = await Promise.all([this.api.runs(path), this.api.endpoints(path)]);
      const newest = runs[0] ?? null;
      const started = newest !== null && newest.run !== this.run?.run && newest.started >= (this.run?.started ?? '');
      this.keep(path, { runs, endpoints, run: started ? newest : this.run });
    }
    const nowWorking = this.live || this.operation?.state === 'running';
    this._poll.frequency = { ...this._poll.frequency, interval: nowWorking ? WHILE_LIVE : WHILE_IDLE };
    if (wasWorking && !nowWorking) {
      this._analysed = ''; // readiness may have moved on
      void this._analysis.invoke();
    }
  }

  /** Save the notebook and run it: whole, from a stage on, or everything anew. */
  async startRun(options: { from?: string; force?: boolean } = {}): Promise<void> {
    await this.act('starting the run', async path => {
      const { run } = await this.api.run(path, { ...options, parameters: this.overrides });
      this._since.clear();
      this.run = { run, status: 'running', started: new Date().toISOString(), ...NOTHING_YET };
    });
  }

  /** Interrupt the run that is going on. */
  async stopRun(): Promise<void> {
    const run = this.run;
    if (run && this.live) {
      await this.act('stopping the run', path => this.api.stopRun(path, run.run), false);
    }
  }

  /** Save the notebook and start a deployment or a verification. */
  async startOperation(kind: 'deploy' | 'verify'): Promise<void> {
    await this.act(`starting to ${kind}`, async path => {
      this.operation = await this.api.start(kind, path, this.overrides);
    });
  }

  /** Stop an endpoint. */
  async stopEndpoint(name: string): Promise<void> {
    await this.act(`stopping ${name}`, path => this.api.stopEndpoint(path, name), false);
  }

  /** Show an earlier run in the picture. */
  show(run: IRun): void {
    if (!this.live) {
      this.run = run;
      this.notify();
    }
  }

  /** Set a parameter for the next run; the default's own text takes the override away. */
  setParameter(name: string, text: string | null): void {
    const { [name]: _old, ...others } = this.overrides;
    this.overrides = text === null ? others : { ...others, [name]: text };
    this.notify();
  }

  /** Forget the last problem or operation shown. */
  dismiss(): void {
    this.problem = null;
    this.operation = this.operation?.state === 'running' ? this.operation : null;
    this.notify();
  }

  /** Seconds since a stage was first seen running. */
  secondsOf(stage: string): number {
    return (Date.now() - (this._since.get(stage) ?? Date.now())) / 1000;
  }

  /** Tell the views. */
  notify(): void {
    this._changed.emit();
  }

  private async act(busy: string, work: (path: string) => Promise<unknown>, save = true): Promise<void> {
    const panel = this.panel;
    if (!panel || this.busy) {
      return;
    }
    this.busy = busy;
    this.problem = null;
    this.notify();
    try {
      if (save && panel.context.model.dirty) {
        await panel.context.save();
      }
      await work(this.path);
    } catch (error) {
      this.problem = problemOf(error);
    }
    this.busy = '';
    this.notify();
    await this._poll.refresh();
  }

  private keep(path: string, found: Partial<Pick<Model, 'run' | 'runs' | 'operation' | 'endpoints'>>): void {
    if (path !== this.path) {
      return;
    }
    Object.assign(this, found);
    for (const stage of this.run?.stages ?? []) {
      if (stage.status === 'running' && !this._since.has(stage.name)) {
        this._since.set(stage.name, Date.now());
      }
    }
    this.notify();
  }

  private onContent(): void {
    this.notify();
    void this._analysis.invoke();
  }

  private clear(prefix: string): void {
    if (this.problem?.code.startsWith(prefix)) {
      this.problem = null;
    }
  }

  private forget(): void {
    this.pipeline = this.run = this.operation = this.problem = null;
    this.runs = [];
    this.endpoints = [];
    this.overrides = {};
    this._analysed = '';
    this._since.clear();
  }
}
