/** The one truth of tags: magics, metadata and cell tags are read alike, and writing keeps what its author chose. */

import { nullTranslator } from '@jupyterlab/translation';
import { JSONObject } from '@lumino/coreutils';
import { describe, expect, test } from 'vitest';

import { nameProblem, readTag, stagesOf, tagWords, writeTag } from '../src/tags';
import { ITag, ROLES } from '../src/tokens';
import { cell, copy, meet, notebook, nth } from './notebooks';

const stage = (name: string): ITag => ({ role: 'stage', stage: name });
const role = (name: string): ITag => ({ role: name, stage: null });

describe('reading', () => {
  test.each<[string, string, JSONObject, ITag | null]>([
    ['nothing', 'x = 1', {}, null],
    ['metadata, a stage', 'x = 1', { nbprod: { stage: 'load' } }, stage('load')],
    ['metadata, a role', 'x = 1', { nbprod: { role: 'setup' } }, role('setup')],
    ["papermill's tag", 'x = 1', { tags: ['parameters'] }, role('parameters')],
    ['a tag, a stage', 'x = 1', { tags: ['words', 'stage:load'] }, stage('load')],
    ['a tag, a role', 'x = 1', { tags: ['nbprod:serve'] }, role('serve')],
    ['a tag of others', 'x = 1', { tags: ['nbprod', 'hide-input', 'nbprod:unknown'] }, null],
    ['a magic, a stage', '%%mlops stage load\nx = 1', {}, stage('load')],
    ['a magic with options', '%%mlops  stage\tload --retries 2\nx = 1', {}, stage('load')],
    ['a magic alone', '%%mlops stage load', {}, stage('load')],
    ['a magic, a role', '%%mlops gate\nassert x', {}, role('gate')],
    ['a magic without a name', '%%mlops stage\nx = 1', {}, null],
    ['a magic that is not the first line', 'x = 1\n%%mlops stage load', {}, null],
    ['another magic', '%%mlopsy stage load\nx = 1', {}, null],
    ['a magic and metadata', '%%mlops stage load', { nbprod: { stage: 'other' } }, stage('load')]
  ])('%s', (_, source, metadata, expected) => {
    expect(readTag(cell(source, metadata))).toEqual(expected);
  });

  test.each([null, 'load', 7, ['stage'], { stage: 7 }, { stage: '' }, { role: 'king' }, { role: ['setup'] }])(
    'broken metadata %j counts as none',
    value => {
      expect(readTag(cell('x = 1', { nbprod: value as unknown as JSONObject }))).toBeNull();
    }
  );

  test.each(['stage:load', 7, null, { 0: 'stage:load' }])('broken tags %j count as none', value => {
    expect(readTag(cell('x = 1', { tags: value }))).toBeNull();
  });

  test('only code cells have tags', () => {
    const model = notebook([{ source: 'x', type: 'markdown', metadata: { nbprod: { stage: 'load' } } }]);
    expect(readTag(nth(model, 1))).toBeNull();
  });
});

describe('writing', () => {
  test('what is written is read again, by each of the ways', () => {
    for (const tag of [stage('load'), stage('_a-9'), ...ROLES.map(role)]) {
      for (const source of ['x = 1', '%%mlops stage old\nx = 1', '%%mlops skip\nx = 1']) {
        const found = cell(source);
        writeTag(found, tag);
        expect(readTag(found)).toEqual(tag);
        expect(found.sharedModel.getSource().replace(/^%%mlops.*\n/, '')).toBe('x = 1');
      }
    }
  });

  test('an untagged cell gets metadata, its source is left alone', () => {
    const found = cell('x = 1');
    writeTag(found, stage('load'));
    expect(found.toJSON()).toMatchObject({ source: 'x = 1', metadata: { nbprod: { stage: 'load' } } });
  });

  test('options of a stage are kept when it is renamed', () => {
    const found = cell('x = 1', { nbprod: { stage: 'load', retries: 2, reads: ['a.csv'] } });
    writeTag(found, stage('fetch'));
    expect(found.getMetadata('nbprod')).toEqual({ stage: 'fetch', retries: 2, reads: ['a.csv'] });
  });

  test('a role has no options, a stage no role', () => {
    const found = cell('x = 1', { nbprod: { stage: 'load', retries: 2 } });
    writeTag(found, role('setup'));
    expect(found.getMetadata('nbprod')).toEqual({ role: 'setup' });
    writeTag(found, stage('load'));
    expect(found.getMetadata('nbprod')).toEqual({ stage: 'load' });
  });

  test('a magic stays a magic, with its options', () => {
    const found = cell("%%mlops stage load --retries 2 --gate 'a >= 0.9'\nx = 1");
    writeTag(found, stage('fetch'));
    expect(found.sharedModel.getSource()).toBe("%%mlops stage fetch --retries 2 --gate 'a >= 0.9'\nx = 1");
    expect(found.getMetadata('nbprod')).toBeUndefined();
    writeTag(found, role('test'));
    expect(found.sharedModel.getSource()).toBe('%%mlops test\nx = 1');
  });

  test('a name with signs of a replacement is written as it is', () => {
    const found = cell('%%mlops stage load --metric $1\nx = "$&"');
    writeTag(found, stage('fetch'));
    expect(found.sharedModel.getSource()).toBe('%%mlops stage fetch --metric $1\nx = "$&"');
  });

  test('a magic takes away metadata that disagrees', () => {
    const found = cell('%%mlops stage load\nx = 1', { nbprod: { stage: 'other' }, tags: ['stage:third', 'mine'] });
    writeTag(found, stage('fetch'));
    expect(found.metadata).toEqual({ tags: ['mine'] });
  });

  test('metadata takes away cell tags that disagree, and no others', () => {
    const found = cell('x = 1', { tags: ['mine', 'stage:old', 'parameters', 'nbprod:skip'] });
    writeTag(found, stage('load'));
    expect(found.metadata).toEqual({ nbprod: { stage: 'load' }, tags: ['mine'] });
  });

  test.each<[string, string, JSONObject]>([
    ['metadata', 'x = 1', { nbprod: { stage: 'load', retries: 2 } }],
    ['a tag', 'x = 1', { tags: ['stage:load'] }],
    ['a magic', '%%mlops stage load --retries 2\nx = 1', {}],
    ['all three', '%%mlops stage load\nx = 1', { nbprod: { stage: 'load' }, tags: ['stage:load'] }]
  ])('taking away %s leaves the bare cell', (_, source, metadata) => {
    const found = cell(source, metadata);
    writeTag(found, null);
    expect(readTag(found)).toBeNull();
    expect(found.toJSON()).toMatchObject({ source: 'x = 1', metadata: {} });
    expect(found.metadata).toEqual({});
  });
});

describe('with others', () => {
  const whole: JSONObject = { nbprod: { stage: 'load' }, tags: ['stage:load', 'mine'] };

  test.each<[string, string, JSONObject, boolean]>([
    ['metadata', 'x = 1', { nbprod: { stage: 'load', retries: 2 } }, false],
    ['all three', '%%mlops stage load\nx = 1', whole, false],
    ['metadata', 'x = 1', { nbprod: { stage: 'load', retries: 2 } }, true],
    ['all three', '%%mlops stage load\nx = 1', whole, true]
  ])('one undo takes a change of %s back, one redo makes it again', (_, source, metadata, documentWide) => {
    const model = notebook([{ source, metadata }, 'y = 2'], documentWide);
    const history = documentWide ? model.sharedModel : nth(model, 1).sharedModel;
    const before = nth(model, 1).toJSON();
    writeTag(nth(model, 1), role('setup'));
    const after = nth(model, 1).toJSON();
    expect(after).not.toEqual(before);
    history.undo();
    expect(nth(model, 1).toJSON()).toEqual(before);
    expect(history.canUndo()).toBe(false);
    history.redo();
    expect(nth(model, 1).toJSON()).toEqual(after);
  });

  test('a tag follows its cell when somebody else moves it at the same time', () => {
    const mine = notebook(['a = 1', 'b = 2', 'c = 3']);
    const theirs = copy(mine);
    writeTag(nth(mine, 1), stage('load'));
    theirs.sharedModel.insertCell(0, { id: 'new', cell_type: 'code', source: 'first = 0' });
    meet(mine, theirs);
    for (const model of [mine, theirs]) {
      const tags = Array.from(model.cells, found => [found.sharedModel.getId(), tagWords(readTag(found))]);
      expect(tags).toEqual([
        ['new', ''],
        ['c1', 'load'],
        ['c2', ''],
        ['c3', '']
      ]);
    }
  });

  test('undo takes back my tag, and not what somebody else did meanwhile', () => {
    const mine = notebook(['a = 1', 'b = 2']);
    const theirs = copy(mine);
    writeTag(nth(mine, 1), stage('load'));
    meet(mine, theirs);
    writeTag(nth(theirs, 2), stage('theirs'));
    meet(mine, theirs);
    nth(mine, 1).sharedModel.undo();
    meet(mine, theirs);
    expect(stagesOf(mine.cells)).toEqual(['theirs']);
    expect(stagesOf(theirs.cells)).toEqual(['theirs']);
  });
});

describe('words', () => {
  const trans = nullTranslator.load('nbprod');

  test('names of stages', () => {
    expect(nameProblem('load', trans)).toBeNull();
    expect(nameProblem('_a-9', trans)).toBeNull();
    expect(nameProblem('x'.repeat(63), trans)).toBeNull();
    for (const name of ['', '9a', 'a b', 'ä', 'x'.repeat(64)]) {
      expect(nameProblem(name, trans)).toContain('letter');
    }
    for (const name of ROLES) {
      expect(nameProblem(name, trans)).toContain(`${name} is a role`);
    }
  });

  test('a tag in words', () => {
    expect([stage('load'), role('gate'), null].map(tagWords)).toEqual(['load', 'gate', '']);
  });

  test('stages in order, each once', () => {
    const model = notebook([
      '%%mlops stage b',
      { source: 'x', metadata: { tags: ['stage:a'] } },
      { source: 'y', metadata: { nbprod: { stage: 'b' } } },
      { source: 'z', metadata: { nbprod: { role: 'setup' } } },
      'untagged'
    ]);
    expect(stagesOf(model.cells)).toEqual(['b', 'a']);
  });
});
