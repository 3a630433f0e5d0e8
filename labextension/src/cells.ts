/** Chips and failures at the cells: attributes on the cell's own node, drawn by the style sheet. */

import { Cell } from '@jupyterlab/cells';

import { Model } from './model';
import { findCell } from './notebook';
import { readTag, tagWords } from './tags';
import { COLORS, ICellRole, ITag } from './tokens';

/** Keep the cells of the current notebook marked; any windowing mode is fine, for nothing is added to the page. */
export class CellMarks {
  private marked = new Set<HTMLElement>();

  constructor(private readonly model: Model) {
    model.changed.connect(this.draw, this);
  }

  private draw(): void {
    const { panel, pipeline } = this.model;
    const cells = panel?.content.widgets ?? [];
    const roles = new Map((pipeline?.roles ?? []).map(role => [role.cell_id, role]));
    const stages = this.model.stages;
    const seen = new Set<HTMLElement>();
    for (const cell of cells) {
      seen.add(cell.node);
      drawChip(cell, roles.get(cell.model.id), stages);
      put(cell.node, 'nbprodError', null);
    }
    this.drawFailure();
    for (const node of this.marked) {
      if (!seen.has(node)) {
        erase(node);
      }
    }
    this.marked = seen;
  }

  private drawFailure(): void {
    const { panel, run, operation, problem } = this.model;
    const error = problem ?? operation?.error ?? run?.error;
    if (panel && error?.where) {
      const node = findCell(panel, error.where)?.node;
      if (node) {
        const line = error.where.line ? `line ${error.where.line}: ` : '';
        put(node, 'nbprodError', `✗ ${line}${error.message}`);
      }
    }
  }
}

/** Return the colour of a stage: its place in the pipeline, the same in chip and picture. */
export function colorOf(stage: string | null, stages: string[]): string {
  const place = stage === null ? -1 : stages.indexOf(stage);
  return place < 0 ? 'none' : String(place % COLORS);
}

function drawChip(cell: Cell, role: ICellRole | undefined, stages: string[]): void {
  const tag = readTag(cell.model);
  const inferred = tag === null && role !== undefined && cell.model.type === 'code' && role.role !== 'exploration';
  const shown: ITag | null = inferred ? { role: role.role, stage: role.stage } : tag;
  put(cell.node, 'nbprodTag', shown ? tagWords(shown) : null);
  put(cell.node, 'nbprodInferred', shown && inferred ? 'true' : null);
  put(cell.node, 'nbprodColor', shown ? colorOf(shown.stage, stages) : null);
}

function put(node: HTMLElement, key: string, value: string | null): void {
  if (value === null) {
    delete node.dataset[key];
  } else if (node.dataset[key] !== value) {
    node.dataset[key] = value;
  }
}

function erase(node: HTMLElement): void {
  for (const key of ['nbprodTag', 'nbprodInferred', 'nbprodColor', 'nbprodError']) {
    put(node, key, null);
  }
}
