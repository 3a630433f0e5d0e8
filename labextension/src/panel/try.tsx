/** A form to try an endpoint: a recorded row filled in; the answer beside what the notebook itself predicted. */

import * as React from 'react';

import { problemOf } from '../api';
import { IEndpoint, IPrediction, IProblem, ISample, Value } from '../tokens';
import { Snippets } from './snippets';
import { IView, Wrong } from './widget';
import { plain } from './words';

type Row = { [column: string]: string };

export function Try(view: IView & { endpoint: IEndpoint }): JSX.Element {
  const { model, trans, endpoint } = view;
  const [sample, setSample] = React.useState<ISample | null>(null);
  const [place, setPlace] = React.useState(0);
  const [row, setRow] = React.useState<Row>({});
  const [answer, setAnswer] = React.useState<IPrediction | null>(null);
  const [problem, setProblem] = React.useState<IProblem | null>(null);
  const fill = (found: ISample, at: number): void => {
    setPlace(at);
    setRow(texts(found.rows[at] ?? {}));
    setAnswer(null);
  };
  const open = async (event: React.SyntheticEvent<HTMLDetailsElement>): Promise<void> => {
    if (!event.currentTarget.open || sample) {
      return;
    }
    try {
      const found = await model.api.sample(model.path, endpoint.endpoint);
      setSample(found);
      fill(found, 0);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  const ask = async (event: React.FormEvent): Promise<void> => {
    event.preventDefault();
    setProblem(null);
    try {
      setAnswer(await model.api.predict(model.path, endpoint.endpoint, [values(sample as ISample, row)]));
      model.set({ endpointsToken: model.endpointsToken + 1 }); // its counters have moved on
    } catch (error) {
      setAnswer(null);
      setProblem(problemOf(error));
    }
  };
  return (
    <details className="jp-nbprod-try" data-nbprod="try" onToggle={event => void open(event)}>
      <summary>{trans.__('Try it')}</summary>
      {sample && (
        <form onSubmit={event => void ask(event)}>
          {sample.columns.map(column => (
            <label className="jp-nbprod-row" key={column.name}>
              <span title={column.type}>{column.name}</span>
              <input
                data-nbprod-column={column.name}
                value={row[column.name] ?? ''}
                onChange={event => setRow({ ...row, [column.name]: event.target.value })}
              />
            </label>
          ))}
          <div className="jp-nbprod-row">
            <button type="submit" className="jp-nbprod-button" data-nbprod="predict">
              {trans.__('Predict')}
            </button>
            <button
              type="button"
              className="jp-nbprod-button"
              onClick={() => fill(sample, (place + 1) % Math.max(1, sample.rows.length))}
            >
              {trans.__('Another row')}
            </button>
          </div>
        </form>
      )}
      {answer && sample && <Answer trans={trans} answer={answer} expected={expected(sample, place, row)} />}
      {problem && <Wrong problem={problem} />}
      {sample && <Snippets view={view} endpoint={endpoint} row={values(sample, row)} />}
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
