/** The commands, one table: id, words, what it does, when it can. */

import { InputDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { LabIcon } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { nbprodIcon, tagIcon } from './icons';
import { Model } from './model';
import { nameProblem, readTag, tagWords, writeTag } from './tags';
import { ITag, ROLES } from './tokens';

interface ICommand {
  label: string;
  caption?: string;
  icon?: LabIcon;
  enabled?: () => boolean;
  run: (args: ReadonlyPartialJSONObject) => unknown;
}

/** Opens the panel; its shell differs between JupyterLab and Notebook. */
export type Open = () => void;

/** Add all commands; returns their ids, for the palette. */
export function addCommands(
  registry: CommandRegistry,
  model: Model,
  open: Open,
  trans: TranslationBundle
): string[] {
  const table = commandTable(model, open, trans);
  for (const [id, command] of Object.entries(table)) {
    registry.addCommand(id, {
      label: command.label,
      caption: command.caption ?? command.label,
      icon: command.icon,
      isEnabled: command.enabled ?? (() => true),
      execute: command.run,
      describedBy: { args: { type: 'object' } }
    });
  }
  model.changed.connect(() => registry.notifyCommandChanged());
  return Object.keys(table);
}

function commandTable(model: Model, open: Open, trans: TranslationBundle): { [id: string]: ICommand } {
  const idle = () => model.panel !== null && model.server === 'there' && !model.working;
  const stage = () => model.pipeline?.roles.find(role => role.cell_id === activeId(model))?.stage ?? null;
  return {
    'nbprod:open-panel': { label: trans.__('Open the nbprod panel'), icon: nbprodIcon, run: open },
    'nbprod:tag-cell': {
      label: trans.__('Tag Cell for the Pipeline…'),
      caption: trans.__('Give this cell a stage or a role'),
      icon: tagIcon,
      enabled: () => model.panel?.content.activeCell?.model.type === 'code',
      run: args => tagCell(model, args, trans)
    },
    'nbprod:untag-cell': {
      label: trans.__('Remove Cell from the Pipeline'),
      enabled: () => model.activeTag !== null,
      run: () => tagActive(model, null)
    },
    'nbprod:run-pipeline': {
      label: trans.__('Run the Pipeline'),
      enabled: idle,
      run: () => model.startRun()
    },
    'nbprod:run-from-here': {
      label: trans.__('Run the Pipeline from This Stage'),
      enabled: () => idle() && stage() !== null,
      run: () => model.startRun({ from: stage() as string })
    },
    'nbprod:run-anew': {
      label: trans.__('Run Every Stage Anew'),
      enabled: idle,
      run: () => model.startRun({ force: true })
    },
    'nbprod:stop-run': {
      label: trans.__('Stop the Run'),
      enabled: () => model.live,
      run: () => model.stopRun()
    },
    'nbprod:verify-notebook': {
      label: trans.__('Verify: Pipeline Equals Notebook'),
      enabled: idle,
      run: () => model.startOperation('verify')
    },
    'nbprod:deploy-notebook': {
      label: trans.__('Deploy the Model'),
      enabled: idle,
      run: () => model.startOperation('deploy')
    },
    'nbprod:check-notebook': {
      label: trans.__('Check the Notebook'),
      enabled: () => model.panel !== null,
      run: async () => {
        open();
        await model.look();
      }
    }
  };
}

/** Give the active cell a tag, or with null take it away. */
export function tagActive(model: Model, tag: ITag | null): void {
  const cell = model.panel?.content.activeCell?.model;
  if (cell && cell.type === 'code') {
    writeTag(cell, tag);
    model.notify();
  }
}

/** Return what typed words mean: a role, or the name of a stage. */
export function tagOf(words: string): ITag {
  return ROLES.includes(words) ? { role: words, stage: null } : { role: 'stage', stage: words };
}

async function tagCell(model: Model, args: ReadonlyPartialJSONObject, trans: TranslationBundle): Promise<void> {
  const cell = model.panel?.content.activeCell?.model;
  if (!cell) {
    return;
  }
  const words = typeof args.tag === 'string' ? args.tag : await ask(model, readTag(cell), trans);
  if (words === null) {
    return;
  }
  const problem = words === '' || ROLES.includes(words) ? null : nameProblem(words);
  if (problem) {
    model.problem = { code: 'NB936', message: problem, hint: trans.__('choose another name') };
    model.notify();
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

function activeId(model: Model): string | undefined {
  return model.panel?.content.activeCell?.model.id;
}
