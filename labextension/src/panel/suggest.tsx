/** Stages proposed for what is untagged: seen first, applied by a click, undone by one undo. */

import * as React from 'react';

import { colorOf } from '../cells';
import { ISuggestion } from '../tokens';
import { applySuggestion } from '../verbs';
import { Button, Dim, Section } from './parts';
import { IView } from './widget';

export function Suggested({ model, trans, suggestion }: IView & { suggestion: ISuggestion }): JSX.Element {
  const stages = suggestion.stages.map(stage => stage.name);
  const fresh = suggestion.cells.filter(cell => !cell.kept && cell.role !== 'exploration');
  return (
    <Section title={trans.__('Suggested stages')} name="suggestion">
      {fresh.length === 0 && <Dim>{trans.__('Nothing to suggest: every cell has its place.')}</Dim>}
      <ul className="jp-nbprod-list">
        {suggestion.cells.map(item => (
          <li key={item.cell_id}>
            <button
              className="jp-nbprod-line jp-nbprod-suggested"
              data-nbprod-color={colorOf(item.stage, stages)}
              data-nbprod-cell={item.cell}
              onClick={() => model.jump(item)}
            >
              {trans.__('cell %1', item.cell)} <b>{item.stage ?? item.role}</b>
              <span className="jp-nbprod-dim"> {item.kept ? trans.__('as tagged') : item.reason}</span>
            </button>
          </li>
        ))}
      </ul>
      {suggestion.notes.map(note => (
        <Dim key={note}>{note}</Dim>
      ))}
      <div className="jp-nbprod-row">
        <Button name="apply-suggestion" primary disabled={!fresh.length} onClick={() => applySuggestion(model, suggestion)}>
          {trans.__('Apply')}
        </Button>
        <Button onClick={() => model.set({ suggestion: null })}>{trans.__('Cancel')}</Button>
      </div>
      <Dim>{trans.__('Tags go into the notebook; one undo takes them back.')}</Dim>
    </Section>
  );
}
