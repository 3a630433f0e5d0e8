/** Reading and writing a cell's tag, in whichever of the three ways its author chose. */

import { ICellModel } from '@jupyterlab/cells';
import { TranslationBundle } from '@jupyterlab/translation';

import { ITag, ROLES, STAGE_NAME } from './tokens';

const MAGIC = /^%%mlops[ \t]+(?:stage[ \t]+([A-Za-z_][A-Za-z0-9_-]*)|(parameters|setup|serve|gate|test|skip)\b)([^\n]*)(\n|$)/;

/** Return the tag an author gave a cell, null when there is none; broken metadata counts as none. */
export function readTag(cell: ICellModel): ITag | null {
  if (cell.type !== 'code') {
    return null;
  }
  return fromMagic(cell.sharedModel.getSource()) ?? fromMetadata(cell.getMetadata('nbprod')) ?? fromTags(cell);
}

/** Give a cell a tag, or with null take it away; a magic on the first line is kept in step. */
export function writeTag(cell: ICellModel, tag: ITag | null): void {
  const shared = cell.sharedModel;
  shared.transact(() => {
    const source = shared.getSource();
    if (fromMagic(source)) {
      shared.setSource(source.replace(MAGIC, (...found) => magicLine(tag, found[3] as string, found[4] as string)));
      cell.deleteMetadata('nbprod');
    } else {
      writeMetadata(cell, tag);
    }
    dropTags(cell);
  });
}

/** Say what is wrong with a stage's name, null when nothing is. */
export function nameProblem(name: string, trans: TranslationBundle): string | null {
  if (ROLES.includes(name)) {
    return trans.__('%1 is a role, not a name for a stage', name);
  }
  return STAGE_NAME.test(name) ? null : trans.__('a stage is named with letters, digits, _ and -, a letter first');
}

/** Return the words on a chip or in a list. */
export function tagWords(tag: ITag | null): string {
  return tag === null ? '' : (tag.stage ?? tag.role);
}

/** Return the names of the stages cells are tagged with, each once. */
export function stagesOf(cells: Iterable<ICellModel>): string[] {
  const names = Array.from(cells, cell => readTag(cell)?.stage ?? '');
  return [...new Set(names.filter(Boolean))];
}

function magicLine(tag: ITag | null, options: string, end: string): string {
  if (tag === null) {
    return '';
  }
  return tag.stage ? `%%mlops stage ${tag.stage}${options}${end}` : `%%mlops ${tag.role}${end}`;
}

function writeMetadata(cell: ICellModel, tag: ITag | null): void {
  if (tag === null) {
    cell.deleteMetadata('nbprod');
  } else if (tag.stage) {
    const { role, ...kept } = asObject(cell.getMetadata('nbprod'));
    cell.setMetadata('nbprod', { ...kept, stage: tag.stage });
  } else {
    cell.setMetadata('nbprod', { role: tag.role });
  }
}

/** Take away cell tags that would contradict the new tag. */
function dropTags(cell: ICellModel): void {
  const tags = cell.getMetadata('tags');
  if (!Array.isArray(tags)) {
    return;
  }
  const kept = tags.filter(tag => !ofTag(tag));
  if (kept.length === 0) {
    cell.deleteMetadata('tags');
  } else if (kept.length < tags.length) {
    cell.setMetadata('tags', kept);
  }
}

function fromMagic(source: string): ITag | null {
  const found = MAGIC.exec(source);
  if (!found) {
    return null;
  }
  return found[1] ? { role: 'stage', stage: found[1] } : { role: found[2], stage: null };
}

function fromMetadata(value: unknown): ITag | null {
  const { stage, role } = asObject(value);
  if (typeof stage === 'string' && stage) {
    return { role: 'stage', stage };
  }
  return typeof role === 'string' && ROLES.includes(role) ? { role, stage: null } : null;
}

function fromTags(cell: ICellModel): ITag | null {
  const tags = cell.getMetadata('tags');
  for (const tag of Array.isArray(tags) ? tags : []) {
    const found = ofTag(tag);
    if (found) {
      return found;
    }
  }
  return null;
}

function ofTag(tag: unknown): ITag | null {
  if (typeof tag !== 'string') {
    return null;
  }
  if (tag.startsWith('stage:')) {
    return { role: 'stage', stage: tag.slice(6) };
  }
  const role = tag === 'parameters' ? tag : tag.startsWith('nbprod:') ? tag.slice(7) : '';
  return ROLES.includes(role) ? { role, stage: null } : null;
}

function asObject(value: unknown): { [name: string]: any } {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? { ...value } : {};
}
