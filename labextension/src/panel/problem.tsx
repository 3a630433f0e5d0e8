/** What went wrong, where, and the way there. */

import * as React from 'react';

import { IProblem } from '../tokens';
import { Button } from './parts';
import { IView } from './widget';

interface IWrong extends Pick<IView, 'model' | 'trans'> {
  name: string;
  problem: IProblem;
  children?: React.ReactNode;
}

/** A problem with a button that leads to its cell. */
export function Problem({ model, trans, name, problem, children }: IWrong): JSX.Element {
  const { code, message, hint, where } = problem;
  return (
    <div className="jp-nbprod-problem" role="alert" data-nbprod={name}>
      <p>
        ✗ {where?.cell ? trans.__('cell %1', where.cell) : ''} {where?.line ? trans.__('line %1', where.line) : ''} <b>{code}</b> {message}
      </p>
      {hint && <p>{hint}</p>}
      {where?.cell && (
        <Button name="go-to-cell" onClick={() => model.jump(where)}>
          {trans.__('Go to the cell')}
        </Button>
      )}
      {children}
    </div>
  );
}
