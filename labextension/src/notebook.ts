/** What the panel does with an open notebook: read it as it stands, go to a cell. */

import { Cell, ICodeCellModel } from '@jupyterlab/cells';
import { NotebookPanel } from '@jupyterlab/notebook';

import { IWhere } from './tokens';

/** Return the notebook as it stands in the editor, without outputs. */
export function draft(panel: NotebookPanel): unknown {
  const model = panel.content.model;
  const cells = Array.from(model?.cells ?? [], cell => ({
    cell_type: cell.type,
    id: cell.id,
    metadata: cell.metadata,
    source: cell.sharedModel.getSource(),
    ...(cell.type === 'code'
      ? { execution_count: (cell as ICodeCellModel).executionCount, outputs: [] }
      : {})
  }));
  return { cells, metadata: model?.metadata ?? {}, nbformat: 4, nbformat_minor: 5 };
}

/** Return the cell a message is about: by id, else by its number. */
export function findCell(panel: NotebookPanel, where: Pick<IWhere, 'cell' | 'cell_id'>): Cell | null {
  const cells = panel.content.widgets;
  const byId = cells.find(cell => cell.model.id === where.cell_id);
  return byId ?? (where.cell ? (cells[where.cell - 1] ?? null) : null);
}

/** Make a cell the active one and bring it into view. */
export async function jumpTo(panel: NotebookPanel, where: Pick<IWhere, 'cell' | 'cell_id'>): Promise<void> {
  const cell = findCell(panel, where);
  if (cell) {
    panel.content.activeCellIndex = panel.content.widgets.indexOf(cell);
    panel.content.mode = 'command';
    await panel.content.scrollToCell(cell, 'center');
  }
}
