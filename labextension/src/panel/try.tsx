/** A form to try an endpoint: a recorded row filled in; the answer beside what the notebook itself predicted. */

import * as React from 'react';

import { IEndpoint, IPrediction, ISample, Value } from '../tokens';
import { Button, Field, useAsked, Wrong } from './parts';
import { Snippets } from './snippets';
import { IView } from './widget';
import { plain } from './words';

type Row = { [column: string]: string };

export function Try(view: IView & { endpoint: IEndpoint }): JSX.Element {
  const { model, trans } = view;
  const { path, api } = model;
  const name = view.endpoint.endpoint;
  const [place, setPlace] = React.useState(0);
  const [typed, setTyped] = React.useState<Row>({});
  const [open, setOpen] = React.useState(false);
  const { found: sample, problem } = useAsked(() => api.sample(path, name), [model, name], open);
  const row = { ...texts(sample?.rows[place] ?? {}), ...typed };
  const asked = sample ? values(sample, row) : {};
  const answer = useAsked(async () => ({ place, of: await api.predict(path, name, [asked]) }), [model, name], false);
  const shown = answer.found?.place === place && !answer.problem ? answer.found.of : null;
  const another = (): void => {
    setPlace((place + 1) % Math.max(1, sample?.rows.length ?? 1));
    setTyped({});
  };
  const predict = async (event: React.FormEvent): Promise<void> => {
    event.preventDefault();
    await answer.again();
    model.set({ endpointsToken: model.endpointsToken + 1 }); // its counters have moved on
  };
  return (
    <details className="jp-nbprod-try" data-nbprod="try" onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>{trans.__('Try it')}</summary>
      {sample && (
        <form onSubmit={event => void predict(event)}>
          {sample.columns.map(({ name: column, type }) => (
            <Field
              key={column}
              data-nbprod-column={column}
              label={column}
              hint={type}
              value={row[column] ?? ''}
              set={text => setTyped({ ...typed, [column]: text })}
            />
          ))}
          <div className="jp-nbprod-row">
            <Button name="predict" type="submit">
              {trans.__('Predict')}
            </Button>
            <Button onClick={another}>{trans.__('Another row')}</Button>
          </div>
        </form>
      )}
      {shown && sample && <Answer trans={trans} answer={shown} expected={expected(sample, place, row)} />}
      <Wrong problem={answer.problem ?? problem} />
      {sample && <Snippets view={view} endpoint={view.endpoint} row={asked} />}
    </details>
  );
}

interface IAnswer extends Pick<IView, 'trans'> {
  answer: IPrediction;
  expected: unknown;
}

function Answer({ trans, answer, expected }: IAnswer): JSX.Element {
  const got = answer.predictions[0];
  const chances = answer.probabilities?.[0];
  return (
    <div aria-live="polite" className="jp-nbprod-answer">
      <p>
        {trans.__('prediction')} <b data-nbprod="prediction">{plain(got)}</b>
        {chances ? ` (${chances.map(value => value.toPrecision(3)).join(', ')})` : ''}
      </p>
      {expected !== undefined && (
        <p data-nbprod="expected" data-nbprod-equal={equal(got, expected)}>
          {equal(got, expected)
            ? trans.__('✓ equal to the notebook: %1', plain(expected))
            : trans.__('✗ the notebook predicted %1', plain(expected))}
        </p>
      )}
    </div>
  );
}

/** Return the notebook's own prediction, as long as the form holds the recorded row unchanged. */
function expected(sample: ISample, place: number, row: Row): unknown {
  const unchanged = JSON.stringify(texts(sample.rows[place] ?? {})) === JSON.stringify(row);
  return unchanged ? sample.predictions[place] : undefined;
}

function texts(row: { [column: string]: Value }): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value === null ? '' : String(value)]));
}

function values(sample: ISample, row: Row): { [column: string]: Value } {
  return Object.fromEntries(sample.columns.map(({ name, type }) => [name, value(row[name] ?? '', type)]));
}

/** Return a field's text as its column's type; what does not fit is sent as it is, and the endpoint says what it expected. */
function value(text: string, type: string): Value {
  if (text === '') {
    return null;
  }
  if (type === 'number') {
    return Number.isFinite(Number(text)) ? Number(text) : text;
  }
  if (type === 'boolean') {
    return text === 'true' ? true : text === 'false' ? false : text;
  }
  return text;
}

/** CONTRACT.md: labels identical, floats within 1e-12 relative or 1e-15 absolute. */
function equal(one: unknown, other: unknown): boolean {
  if (typeof one === 'number' && typeof other === 'number') {
    return Math.abs(one - other) <= Math.max(1e-12 * Math.abs(other), 1e-15);
  }
  return JSON.stringify(one) === JSON.stringify(other);
}
