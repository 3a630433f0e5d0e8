/** The menu behind a chip: stages and roles to choose from. */

import { Cell } from '@jupyterlab/cells';
import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { Menu } from '@lumino/widgets';

import { IMarkActions } from './cells';
import { Model } from './model';
import { ROLES } from './tokens';
import { fix } from './verbs';

/** Return what chips and findings at the cells do when they are clicked. */
export function markActions(model: Model, commands: CommandRegistry, trans: TranslationBundle): IMarkActions {
  return {
    choose: (cell, at) => open(model, commands, cell, at),
    fix: item => void fix(model, { code: item.code, cell_id: item.cell_id }, trans)
  };
}

function open(model: Model, commands: CommandRegistry, cell: Cell, at: HTMLElement): void {
  const notebook = model.panel?.content;
  if (!notebook) {
    return;
  }
  notebook.activeCellIndex = notebook.widgets.indexOf(cell);
  const menu = new Menu({ commands });
  const add = (tag: string): void => {
    menu.addItem({ command: 'nbprod:tag-cell', args: { tag } });
  };
  model.stages.forEach(add);
  menu.addItem({ command: 'nbprod:tag-cell' });
  menu.addItem({ type: 'separator' });
  ROLES.forEach(add);
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: 'nbprod:untag-cell' });
  const place = at.getBoundingClientRect();
  menu.open(place.left, place.bottom);
}
