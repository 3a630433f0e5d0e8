/** Stages proposed for what is untagged: seen first, applied by a click, undone by one undo. */

import * as React from 'react';

import { colorOf } from '../cells';
import { ISuggestion } from '../tokens';
import { applySuggestion } from '../verbs';
import { IView, Section } from './widget';

export function Suggested({ model, trans, suggestion }: IView & { suggestion: ISuggestion }): JSX.Element {
  const stages = suggestion.stages.map(stage => stage.name);
  const fresh = suggestion.cells.filter(cell => !cell.kept && cell.role !== 'exploration');
  return (
    <Section title={trans.__('Suggested stages')} name="suggestion">
      {fresh.length === 0 && <p className="jp-nbprod-dim">{trans.__('Nothing to suggest: every cell has its place.')}</p>}
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
        <p key={note} className="jp-nbprod-dim">
          {note}
        </p>
      ))}
      <div className="jp-nbprod-row">
        <button
          className="jp-nbprod-button jp-nbprod-primary"
          data-nbprod="apply-suggestion"
          disabled={fresh.length === 0}
          onClick={() => applySuggestion(model, suggestion)}
        >
          {trans.__('Apply')}
        </button>
        <button className="jp-nbprod-button" onClick={() => model.set({ suggestion: null })}>
          {trans.__('Cancel')}
        </button>
      </div>
      <p className="jp-nbprod-dim">{trans.__('Tags go into the notebook; one undo takes them back.')}</p>
    </Section>
  );
}
