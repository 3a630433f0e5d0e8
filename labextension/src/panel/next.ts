/** The next step of readiness: in words, and what the button beside it does where a click can do it. */

import { InputDialog } from '@jupyterlab/apputils';

import { Model } from '../model';
import { changeTogether, findCell } from '../notebook';
import { readTag, writeTag } from '../tags';
import { IReadiness } from '../tokens';
import { fix } from '../verbs';
import { IView } from './widget';

interface INext {
  words: string;
  run?: () => void;
}

/** Return what to do about a step that is not done; `step.next` is the command a terminal would take. */
export function nextOf(view: IView, step: IReadiness['steps'][number]): INext {
  const { model, commands, trans } = view;
  const command = (id: string) => () => void commands.execute(id);
  const known: { [name: string]: INext } = {
    'runs top to bottom': step.next?.includes('--explain')
      ? { words: trans.__('mend the errors below'), run: () => firstError(model) }
      : { words: trans.__('run the pipeline'), run: command('nbprod:run-pipeline') },
    stages: { words: trans.__('suggest stages'), run: command('nbprod:suggest-stages') },
    parameters: parameters(view, step.next ?? ''),
    verified: { words: trans.__('verify the pipeline'), run: command('nbprod:verify-notebook') },
    reproducible: step.next?.endsWith('--fix')
      ? { words: trans.__('seed the random numbers'), run: () => void fix(model, { code: 'NB304' }, trans) }
      : { words: trans.__('pin the environment: %1', step.next ?? '') },
    gate: gate(view, step.next ?? ''),
    'recorded model': { words: trans.__('run to record a model'), run: command('nbprod:run-pipeline') },
    image: { words: trans.__('build an image'), run: command('nbprod:build-image') },
    'monitored endpoint': { words: trans.__('deploy the model'), run: command('nbprod:deploy-notebook') },
    schedule: { words: trans.__('add a schedule'), run: command('nbprod:open-schedule') }
  };
  return known[step.name] ?? { words: step.next ?? step.name };
}

function firstError(model: Model): void {
  const item = model.pipeline?.diagnostics.find(found => found.severity === 'error');
  if (item) {
    model.jump(item);
  }
}

function parameters({ model, trans }: IView, told: string): INext {
  const cell = Number(/ (\d+) parameters$/.exec(told)?.[1]);
  if (!cell) {
    return { words: trans.__('put the settings into a cell of their own and tag it parameters') };
  }
  const run = (): void => {
    const panel = model.panel;
    const found = panel && findCell(panel, { cell, cell_id: null });
    if (panel && found) {
      changeTogether(panel, () => writeTag(found.model, { role: 'parameters', stage: null }));
      model.jump({ cell, cell_id: null });
      model.notify();
    }
  };
  return { words: trans.__('tag cell %1 as the parameters', cell), run };
}

function gate({ model, trans }: IView, told: string): INext {
  const found = / (\d+) ([A-Za-z_][\w-]*) --metric (\w+) --gate '([^']+)'$/.exec(told);
  if (!found) {
    return { words: trans.__('write what must hold (assert accuracy >= 0.8) into a cell of its own and tag it gate') };
  }
  const [, number, stage, metric, expression] = found;
  const run = async (): Promise<void> => {
    const answer = await InputDialog.getText({
      title: trans.__('What must hold before a model is promoted?'),
      label: trans.__('A condition on %1, kept with cell %2', metric, number),
      text: expression,
      okLabel: trans.__('Add the gate')
    });
    const panel = model.panel;
    const cell = panel && findCell(panel, { cell: Number(number), cell_id: null })?.model;
    if (panel && cell && answer.button.accept && answer.value?.trim()) {
      changeTogether(panel, () => {
        writeTag(cell, readTag(cell) ?? { role: 'stage', stage });
        const kept = (cell.getMetadata('nbprod') ?? {}) as { [name: string]: unknown };
        cell.setMetadata('nbprod', { ...kept, stage, metrics: [metric], gates: [answer.value?.trim()] });
      });
      model.notify();
    }
  };
  return { words: trans.__('a gate on %1', metric), run: () => void run() };
}
