/** The commands, one table: id, words, what it does, when it can. */

import { ICommandPalette, InputDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { LabIcon } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { ReadonlyPartialJSONObject as Args } from '@lumino/coreutils';

import { nbprodIcon, tagIcon } from './icons';
import { Model, Tab } from './model';
import { changeTogether, findCell } from './notebook';
import { nameProblem, readTag, tagWords, writeTag } from './tags';
import { ITag, ROLES } from './tokens';
import { fix, startOperation, startRun, stopOperation, stopRun, suggest } from './verbs';

interface ICommand {
  label: string | ((args: Args) => string);
  caption?: string;
  icon?: LabIcon;
  enabled?: () => boolean;
  toggled?: (args: Args) => boolean;
  run: (args: Args) => unknown;
}

/** What commands need besides the model. */
export interface ICommandContext {
  model: Model;
  trans: TranslationBundle;
  /** Opens the panel; its shell differs between JupyterLab and Notebook. */
  open(): void;
  /** Opens MLflow's page, of a run or of all. */
  mlflow(page?: string): Promise<void>;
  /** Opens the example, copied into a folder. */
  example(folder: string): Promise<void>;
}

/** Add all commands, in the palette too where there is one. */
export function addCommands(registry: CommandRegistry, palette: ICommandPalette | null, context: ICommandContext): void {
  for (const [id, command] of Object.entries(commandTable(context))) {
    registry.addCommand(id, {
      label: command.label as any,
      caption: command.caption,
      icon: command.icon,
      isEnabled: command.enabled ?? (() => true),
      isToggled: command.toggled,
      isToggleable: command.toggled !== undefined,
      execute: command.run,
      describedBy: { args: { type: 'object' } }
    });
    palette?.addItem({ command: id, category: 'nbprod' });
  }
  context.model.changed.connect(() => registry.notifyCommandChanged());
}

function commandTable(context: ICommandContext): { [id: string]: ICommand } {
  const { model, trans, open } = context;
  const there = (): boolean => model.panel !== null && model.server === 'there';
  const idle = (): boolean => there() && !model.working;
  const shown = (run: () => unknown) => () => {
    open();
    return run();
  };
  const form = (name: 'deploy' | 'sweep') => shown(() => model.set({ form: model.form === name ? null : name, tab: 'pipeline' }));
  const tab = (name: Tab) => shown(() => model.set({ tab: name }));
  const words = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  const working = (): boolean => model.live || model.operation?.state === 'running';
  const stop = (): Promise<void> => (model.live ? stopRun(model) : stopOperation(model));
  return {
    ...tagCommands(context),
    'nbprod:open-panel': { label: trans.__('Open the nbprod Panel'), icon: nbprodIcon, run: open },
    'nbprod:open-example': { label: trans.__('nbprod Example'), icon: nbprodIcon, run: args => context.example(words(args.cwd) ?? '') },
    'nbprod:suggest-stages': { label: trans.__('Suggest Stages…'), enabled: idle, run: shown(() => suggest(model)) },
    'nbprod:run-pipeline': { label: trans.__('Run the Pipeline'), enabled: idle, run: () => startRun(model) },
    'nbprod:run-from-here': {
      label: trans.__('Run the Pipeline from This Stage'),
      enabled: () => idle() && stageHere(model) !== null,
      run: () => startRun(model, { from: stageHere(model) as string })
    },
    'nbprod:run-anew': { label: trans.__('Run Every Stage Anew'), enabled: idle, run: () => startRun(model, { force: true }) },
    'nbprod:sweep-parameters': { label: trans.__('Sweep Parameters…'), enabled: idle, run: form('sweep') },
    'nbprod:stop-run': { label: trans.__('Stop'), enabled: working, run: stop },
    'nbprod:verify-notebook': {
      label: trans.__('Verify: Pipeline Equals Notebook'),
      enabled: idle,
      run: () => startOperation(model, 'verify')
    },
    'nbprod:deploy-notebook': { label: trans.__('Deploy the Model…'), enabled: idle, run: form('deploy') },
    'nbprod:build-image': { label: trans.__('Build an Image of the Model'), enabled: idle, run: () => startOperation(model, 'build') },
    'nbprod:fix-problems': { label: trans.__('Fix What Can Be Fixed'), enabled: there, run: () => fix(model, {}, trans) },
    'nbprod:check-notebook': {
      label: trans.__('Check the Notebook'),
      enabled: () => model.panel !== null,
      run: shown(() => model.look())
    },
    'nbprod:open-schedule': { label: trans.__('Schedules of the Notebook'), enabled: there, run: tab('schedule') },
    'nbprod:open-monitor': { label: trans.__('Monitor the Endpoints'), enabled: there, run: tab('monitor') },
    'nbprod:open-mlflow': { label: trans.__('Open MLflow'), enabled: there, run: args => context.mlflow(words(args.page)) }
  };
}

function tagCommands({ model, trans }: ICommandContext): { [id: string]: ICommand } {
  return {
    'nbprod:tag-cell': {
      label: args => (typeof args.tag === 'string' ? args.tag : trans.__('Tag Cell for the Pipeline…')),
      caption: trans.__('Give this cell a stage or a role'),
      icon: tagIcon,
      enabled: () => model.panel?.content.activeCell?.model.type === 'code',
      toggled: args => typeof args.tag === 'string' && tagWords(model.activeTag) === args.tag,
      run: args => tagCell(model, args, trans)
    },
    'nbprod:untag-cell': {
      label: trans.__('Remove Cell from the Pipeline'),
      enabled: () => model.activeTag !== null,
      run: () => tagActive(model, null)
    }
  };
}

/** Give the active cell a tag, or with null take it away; one undo of the notebook takes it back. */
export function tagActive(model: Model, tag: ITag | null): void {
  const panel = model.panel;
  const cell = panel?.content.activeCell?.model;
  if (panel && cell?.type === 'code') {
    changeTogether(panel, () => writeTag(cell, tag));
    model.notify();
  }
}

/** Return what typed words mean: a role, or the name of a stage. */
export function tagOf(words: string): ITag {
  return ROLES.includes(words) ? { role: words, stage: null } : { role: 'stage', stage: words };
}

async function tagCell(model: Model, args: Args, trans: TranslationBundle): Promise<void> {
  const panel = model.panel;
  if (panel && typeof args.cell_id === 'string') {
    const cell = findCell(panel, { cell: null, cell_id: args.cell_id });
    panel.content.activeCellIndex = cell ? panel.content.widgets.indexOf(cell) : panel.content.activeCellIndex;
  }
  const cell = panel?.content.activeCell?.model;
  if (!cell) {
    return;
  }
  const words = typeof args.tag === 'string' ? args.tag : await ask(model, readTag(cell), trans);
  if (words === null) {
    return;
  }
  const problem = words === '' || ROLES.includes(words) ? null : nameProblem(words, trans);
  if (problem) {
    model.set({ problem: { code: 'NB936', message: problem, hint: trans.__('choose another name') } });
    return;
  }
  tagActive(model, words === '' ? null : tagOf(words));
}

async function ask(model: Model, tag: ITag | null, trans: TranslationBundle): Promise<string | null> {
  const answer = await InputDialog.getItem({
    title: trans.__('Tag this cell'),
    label: trans.__('Name of a stage, or a role (empty: no tag)'),
    items: [...model.stages, ...ROLES.filter(role => !model.stages.includes(role))],
    current: tagWords(tag),
    editable: true,
    okLabel: trans.__('Tag')
  });
  return answer.button.accept ? (answer.value ?? '').trim() : null;
}

function stageHere(model: Model): string | null {
  const id = model.panel?.content.activeCell?.model.id;
  return model.pipeline?.roles.find(role => role.cell_id === id)?.stage ?? null;
}
