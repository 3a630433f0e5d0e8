/** Says when a long run or other long work ends while nobody looks. */

import { Notification } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';

import { Model } from './model';
import { IOperation, IRun } from './tokens';
import { seconds } from './panel/words';

/** Watches the model for ends of work. */
export class Notices {
  /** Work that took less is not announced; a setting. */
  after = 10;
  private running = new Map<string, number>();

  constructor(
    private readonly model: Model,
    private readonly trans: TranslationBundle,
    private readonly show: () => void
  ) {
    model.changed.connect(this.look, this);
  }

  private look(): void {
    const { runs, operation } = this.model;
    for (const run of runs) {
      this.follow(run.run, run.status === 'running', passed => this.ranTo(run, passed));
    }
    if (operation) {
      this.follow(operation.operation, operation.state === 'running', passed => this.endedAs(operation, passed));
    }
  }

  private follow(id: string, running: boolean, ended: (passed: number) => void): void {
    const began = this.running.get(id);
    if (running && began === undefined) {
      this.running.set(id, Date.now());
    } else if (!running && began !== undefined) {
      this.running.delete(id);
      const passed = (Date.now() - began) / 1000;
      if (passed >= this.after) {
        ended(passed);
      }
    }
  }

  private ranTo(run: IRun, passed: number): void {
    const name = this.model.path.split('/').pop() ?? '';
    const took = seconds(run.seconds ?? passed);
    if (run.status === 'succeeded') {
      this.say(true, this.trans.__('%1: run %2 done in %3', name, run.run.slice(0, 4), took));
    } else {
      const word = run.status === 'failed' ? this.trans.__('failed') : this.trans.__('stopped');
      this.say(false, this.trans.__('%1: run %2 %3: %4', name, run.run.slice(0, 4), word, run.error?.message ?? took));
    }
  }

  private endedAs(operation: IOperation, passed: number): void {
    const name = this.model.path.split('/').pop() ?? '';
    const good = operation.state === 'succeeded';
    const rest = good ? this.trans.__('done in %1', seconds(passed)) : (operation.error?.message ?? this.trans.__('failed'));
    this.say(good, `${name}: ${operation.kind} ${rest}`);
  }

  private say(good: boolean, words: string): void {
    const options = { autoClose: good ? 8000 : (false as const), actions: [{ label: this.trans.__('Show'), callback: this.show }] };
    good ? Notification.success(words, options) : Notification.error(words, options);
  }
}
