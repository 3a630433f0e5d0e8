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
      this.follow(run.run, run, run.status === 'running', took => this.ranTo(run, took));
    }
    if (operation) {
      const running = operation.state === 'running';
      this.follow(operation.operation, operation, running, took => this.endedAs(operation, took));
    }
  }

  /** The server knows how long it took; what was seen here began later, by a poll. */
  private follow(id: string, work: { seconds?: number }, running: boolean, ended: (took: number) => void): void {
    const began = this.running.get(id);
    if (running && began === undefined) {
      this.running.set(id, Date.now());
    } else if (!running && began !== undefined) {
      this.running.delete(id);
      const took = work.seconds || (Date.now() - began) / 1000;
      if (took >= this.after) {
        ended(took);
      }
    }
  }

  private ranTo(run: IRun, took: number): void {
    const name = this.model.path.split('/').pop() ?? '';
    if (run.status === 'succeeded') {
      this.say(true, this.trans.__('%1: run %2 done in %3', name, run.run.slice(0, 4), seconds(took)));
    } else {
      const word = run.status === 'failed' ? this.trans.__('failed') : this.trans.__('stopped');
      this.say(false, this.trans.__('%1: run %2 %3: %4', name, run.run.slice(0, 4), word, run.error?.message ?? seconds(took)));
    }
  }

  private endedAs(operation: IOperation, took: number): void {
    const name = this.model.path.split('/').pop() ?? '';
    const good = operation.state === 'succeeded';
    const rest = good ? this.trans.__('done in %1', seconds(took)) : (operation.error?.message ?? this.trans.__('failed'));
    this.say(good, `${name}: ${operation.kind} ${rest}`);
  }

  private say(good: boolean, words: string): void {
    const options = { autoClose: good ? 8000 : (false as const), actions: [{ label: this.trans.__('Show'), callback: this.show }] };
    good ? Notification.success(words, options) : Notification.error(words, options);
  }
}
