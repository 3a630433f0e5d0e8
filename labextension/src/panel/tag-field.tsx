/** The tag of the active cell: role and, for a stage, its name with completion. */

import * as React from 'react';

import { tagActive } from '../commands';
import { nameProblem } from '../tags';
import { ROLES } from '../tokens';
import { Button, Dim, Proposals, Select } from './parts';
import { IView } from './widget';

export function TagField({ model, trans }: IView): JSX.Element {
  const notebook = model.panel?.content;
  const cell = notebook?.activeCell?.model;
  const tag = model.activeTag;
  const key = `${cell?.id}:${tag?.role}:${tag?.stage}`;
  const number = (notebook?.activeCellIndex ?? 0) + 1;
  const effective = model.pipeline?.roles.find(role => role.cell_id === cell?.id);
  if (!cell || cell.type !== 'code') {
    return <p className="jp-nbprod-tag jp-nbprod-dim">{trans.__('Select a code cell to tag it.')}</p>;
  }
  return (
    <div className="jp-nbprod-tag" data-nbprod="tag-field">
      <Form key={key} model={model} trans={trans} number={number} />
      {!tag && effective && <Dim title={effective.reason}>{trans.__('inferred: %1', effective.stage ?? effective.role)}</Dim>}
    </div>
  );
}

function Form({ model, trans, number }: Pick<IView, 'model' | 'trans'> & { number: number }): JSX.Element {
  const tag = model.activeTag;
  const [role, setRole] = React.useState(tag?.role ?? 'none');
  const [stage, setStage] = React.useState(tag?.stage ?? '');
  const roles = [['none', trans.__('no tag')], ['stage', trans.__('stage')], ...ROLES.map(name => [name, name])];
  const wrong = role === 'stage' && stage !== '' ? nameProblem(stage, trans) : null;
  const choose = (chosen: string): void => {
    setRole(chosen);
    if (chosen === 'none') {
      tagActive(model, null);
    } else if (chosen !== 'stage') {
      tagActive(model, { role: chosen, stage: null });
    }
  };
  const apply = (event?: React.FormEvent): void => {
    event?.preventDefault();
    if (stage && !nameProblem(stage, trans)) {
      tagActive(model, { role: 'stage', stage });
    }
  };
  return (
    <form onSubmit={apply}>
      <Select name="tag-role" label={trans.__('Cell %1', number)} value={role} options={roles} set={choose} />
      {(role === 'stage' || role === 'none') && (
        <div className="jp-nbprod-row">
          <input
            data-nbprod="tag-stage"
            list="jp-nbprod-stages"
            value={stage}
            placeholder={trans.__('stage name')}
            aria-label={trans.__('Name of the stage')}
            aria-invalid={wrong !== null}
            onChange={event => setStage(event.target.value)}
          />
          <Button name="tag-apply" type="submit" disabled={!stage || nameProblem(stage, trans) !== null}>
            {trans.__('Tag')}
          </Button>
          <Proposals id="jp-nbprod-stages" values={model.stages} />
        </div>
      )}
      {wrong && <p className="jp-nbprod-wrong">{wrong}</p>}
    </form>
  );
}
