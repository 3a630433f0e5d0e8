/** What people start and stop: each verb saves the notebook where its content matters, asks the server, and shows what came. */

import { Notification } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';

import { IRunOptions } from './api';
import { Model } from './model';
import { byId, changeTogether } from './notebook';
import { writeTag } from './tags';
import { IFixes, IRun, ISuggestion, Kind } from './tokens';

const NOTHING_YET = { stages: [], metrics: {}, gates: [], notes: [], error: null };

/** Run the notebook: whole, from a stage on, or everything anew. */
export function startRun(model: Model, options: IRunOptions = {}): Promise<void> {
  return model.act(
    'starting the run',
    async path => {
      const { run } = await model.api.run(path, { ...given(model), ...options });
      model.set({ run: { run, status: 'running', started: new Date().toISOString(), ...NOTHING_YET } });
    },
    true
  );
}

/** Run again with the parameters of an earlier run; the form shows them. */
export function rerun(model: Model, run: IRun): Promise<void> {
  const texts = Object.entries(run.parameters ?? {}).map(([name, value]) => [name, asLiteral(value)]);
  model.set({ overrides: Object.fromEntries(texts) });
  return startRun(model);
}

/** Interrupt the run that is going on. */
export async function stopRun(model: Model): Promise<void> {
  const run = model.runs.find(item => item.status === 'running') ?? model.run;
  if (run) {
    await model.act('stopping the run', path => model.api.stopRun(path, run.run));
  }
}

/** Start other long work: a verification, a deployment, a sweep, an image. */
export function startOperation(model: Model, kind: Kind, body: { [name: string]: unknown } = {}): Promise<void> {
  return model.act(
    `starting: ${kind}`,
    async path => {
      const asked = kind === 'deploy' || kind === 'build' ? given(model) : { parameters: model.overrides };
      const operation = await model.api.start(kind, path, { ...asked, ...body });
      model.set({ operation, form: kind === 'sweep' || kind === 'deploy' ? null : model.form });
    },
    true
  );
}

/** Interrupt the operation that is going on. */
export async function stopOperation(model: Model): Promise<void> {
  const operation = model.operation;
  if (operation?.state === 'running') {
    await model.act(`stopping: ${operation.kind}`, path => model.api.stopOperation(path, operation.operation));
  }
}

/** Put the version that was deployed before back, or a chosen one. */
export function rollBack(model: Model, name: string, version: string | null): Promise<void> {
  return model.act(`rolling back ${name}`, async path => {
    model.set({ operation: await model.api.rollback(path, name, version) });
  });
}

/** Stop an endpoint. */
export function stopEndpoint(model: Model, name: string): Promise<void> {
  return model.act(`stopping ${name}`, path => model.api.stopEndpoint(path, name));
}

/** Ask for stages for what is untagged; nothing changes until `applySuggestion`. */
export function suggest(model: Model): Promise<void> {
  return model.act('looking for stages', async path => {
    const panel = model.panel;
    if (panel) {
      model.set({ suggestion: await model.api.suggestion(path, model.draft()), tab: 'pipeline' });
    }
  });
}

/** Write the proposed tags; one undo takes them all back. */
export function applySuggestion(model: Model, found: ISuggestion): void {
  const panel = model.panel;
  if (panel) {
    changeTogether(panel, () => {
      for (const item of found.cells.filter(cell => !cell.kept && cell.role !== 'exploration')) {
        const cell = byId(panel, item.cell_id);
        if (cell) {
          writeTag(cell.model, { role: item.role, stage: item.stage });
        }
      }
    });
  }
  model.set({ suggestion: null });
}

/** Make the edits that findings offer; one undo takes them all back. */
export function fix(model: Model, only: { code?: string; cell_id?: string | null }, trans: TranslationBundle): Promise<void> {
  return model.act('mending', async path => {
    const found = await model.api.fixes(path, model.draft(), only);
    applyFixes(model, found);
    if (found.requirements.length) {
      Notification.info(trans.__('Add to requirements.txt: %1', found.requirements.join(', ')), { autoClose: false });
    }
    if (found.cells.length === 0 && found.requirements.length === 0) {
      model.set({
        problem: { code: 'NB940', message: trans.__('no edit mends this by itself'), hint: trans.__('see the fix it names') }
      });
    }
  });
}

function applyFixes(model: Model, found: IFixes): void {
  const panel = model.panel;
  if (!panel) {
    return;
  }
  changeTogether(panel, () => {
    for (const item of found.cells) {
      const shared = byId(panel, item.cell_id)?.model.sharedModel;
      if (shared && item.source !== undefined && item.source !== shared.getSource()) {
        shared.setSource(item.source);
      }
      if (shared && item.metadata !== undefined) {
        shared.setMetadata(item.metadata as any);
      }
      if (shared && item.clear_outputs && 'setOutputs' in shared) {
        (shared as any).setOutputs([]);
      }
    }
  });
}

/** Return what was set in the panel: parameters, and the name that holds the model. */
function given(model: Model): IRunOptions {
  const chosen = model.pipeline?.undecided.includes(model.chosen) ? { model: model.chosen } : {};
  return { parameters: model.overrides, ...chosen };
}

/** Return a value as `-p NAME=` takes it. */
export function asLiteral(value: unknown): string {
  if (typeof value === 'boolean') {
    return value ? 'True' : 'False';
  }
  return value === null ? 'None' : typeof value === 'string' ? value : JSON.stringify(value);
}
