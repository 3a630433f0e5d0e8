/** What analysis found; a click leads to the cell. */

import * as React from 'react';

import { fix } from '../verbs';
import { Button, Dim, Section } from './parts';
import { IView } from './widget';
import { iconOf } from './words';

export function Problems({ model, trans }: IView): JSX.Element {
  const found = model.pipeline?.diagnostics ?? [];
  return (
    <Section title={found.length ? trans.__('Problems %1', found.length) : trans.__('Problems')} name="problems">
      {found.length === 0 && <Dim>{trans.__('None found.')}</Dim>}
      <ul className="jp-nbprod-list">
        {found.map((item, place) => (
          <li key={place}>
            <button
              className="jp-nbprod-line"
              data-nbprod-code={item.code}
              data-nbprod-state={item.severity}
              onClick={() => model.jump(item)}
            >
              {iconOf(item.severity)} {item.severity} <b>{item.code}</b> {item.cell ? trans.__('cell %1', item.cell) : ''}{' '}
              {item.line ? trans.__('line %1', item.line) : ''}
              <br />
              {item.message}
              {item.fix && <span className="jp-nbprod-dim"> {item.fix}</span>}
            </button>
            {item.mendable && (
              <Button
                name="fix"
                className="jp-nbprod-fix"
                disabled={model.busy !== ''}
                aria-label={trans.__('Fix %1 in cell %2', item.code, item.cell ?? '')}
                onClick={() => void fix(model, { code: item.code, cell_id: item.cell_id }, trans)}
              >
                {trans.__('Fix')}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}
