/** The small parts views are made of; `name` is what tests and style sheets know a part by. */

import * as React from 'react';

import { problemOf } from '../api';
import { IParameter, IProblem } from '../tokens';

type Named<Tag extends keyof JSX.IntrinsicElements> = React.ComponentPropsWithoutRef<Tag> & { name?: string };

/** A titled part of the panel. */
export function Section(props: { title: string; name: string; children: React.ReactNode }): JSX.Element {
  return (
    <section className="jp-nbprod-section" data-nbprod={props.name} aria-label={props.title}>
      <h3>{props.title}</h3>
      {props.children}
    </section>
  );
}

/** Words that stand back. */
export function Dim({ name, ...rest }: Named<'p'>): JSX.Element {
  return <p className="jp-nbprod-dim" data-nbprod={name} {...rest} />;
}

/** A problem in words: what happened, and what to do. */
export function Wrong({ problem }: { problem: Pick<IProblem, 'code' | 'message' | 'hint'> | null }): JSX.Element | null {
  return (
    problem && (
      <p className="jp-nbprod-wrong" role="alert">
        ✗ <b>{problem.code}</b> {problem.message}
        {problem.hint ? ` · ${problem.hint}` : ''}
      </p>
    )
  );
}

/** A button; the one a form is there for is the primary one. */
export function Button({ name, primary, className, ...rest }: Named<'button'> & { primary?: boolean }): JSX.Element {
  const looks = ['jp-nbprod-button', primary && 'jp-nbprod-primary', className].filter(Boolean).join(' ');
  return <button type="button" className={looks} data-nbprod={name} {...rest} />;
}

/** A link, with the looks of a button, to a page that opens beside this one. */
export function Page({ name, ...rest }: Named<'a'>): JSX.Element {
  return <a className="jp-nbprod-button" data-nbprod={name} target="_blank" rel="noreferrer" {...rest} />;
}

/** What is only looked at once it is opened. */
export function Fold({ name, summary, children, ...rest }: Named<'details'> & { summary: React.ReactNode }): JSX.Element {
  return (
    <details className="jp-nbprod-fold" data-nbprod={name} {...rest}>
      <summary>{summary}</summary>
      {children}
    </details>
  );
}

interface IField {
  label: string;
  hint?: string;
  changed?: boolean;
  set(text: string): void;
}

/** A text field with its label before it. */
export function Field({ name, label, hint, changed, set, ...rest }: Named<'input'> & IField): JSX.Element {
  return (
    <label className="jp-nbprod-row" data-changed={changed}>
      <span title={hint}>{label}</span>
      <input data-nbprod={name} onChange={event => set(event.target.value)} {...rest} />
    </label>
  );
}

/** A choice of a few values, each with its words. */
export function Select({ name, label, options, set, ...rest }: Named<'select'> & IField & { options: string[][] }): JSX.Element {
  return (
    <label className="jp-nbprod-row">
      <span>{label}</span>
      <select data-nbprod={name} onChange={event => set(event.target.value)} {...rest}>
        {options.map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A box to tick, or one of several to choose, with its words after it. */
export function Tick({ children, ...rest }: React.ComponentPropsWithoutRef<'input'>): JSX.Element {
  return (
    <label className="jp-nbprod-choice">
      <input type="checkbox" {...rest} />
      <span>{children}</span>
    </label>
  );
}

/** What a text field proposes. */
export function Proposals({ id, values }: { id: string; values: string[] }): JSX.Element {
  return (
    <datalist id={id}>
      {values.map(value => (
        <option key={value} value={value} />
      ))}
    </datalist>
  );
}

interface IBlanks {
  name: string;
  all: IParameter[];
  texts: { [name: string]: string };
  set(texts: { [name: string]: string }): void;
}

/** A field for each parameter; an empty one leaves the notebook's own value. */
export function Blanks({ name, all, texts, set }: IBlanks): JSX.Element {
  const field = (item: IParameter): JSX.Element => (
    <Field
      key={item.name}
      name={`${name}-${item.name}`}
      label={item.name}
      hint={item.help || item.type}
      changed={Boolean(texts[item.name])}
      placeholder={item.default_source}
      value={texts[item.name] ?? ''}
      set={text => set({ ...texts, [item.name]: text })}
    />
  );
  return <>{all.map(field)}</>;
}

/** A row of a table; whatever else it has are its attributes. */
export type Row = { cells: React.ReactNode[] } & { [attribute: string]: unknown };

interface ITable extends Named<'table'> {
  head: React.ReactNode[];
  rows: Row[];
  /** For those who hear the page only. */
  unseen?: 'caption' | 'head';
  caption?: string;
}

/** A table; the first cell of a row names it. */
export function Table({ name, head, rows, unseen, caption, children, className = '', ...rest }: ITable): JSX.Element {
  return (
    <table className={`jp-nbprod-table ${className}`} data-nbprod={name} {...rest}>
      {caption && <caption className={unseen === 'caption' ? 'jp-nbprod-hidden' : undefined}>{caption}</caption>}
      {children}
      <thead>
        <tr className={unseen === 'head' ? 'jp-nbprod-hidden' : undefined}>
          {head.map((words, place) => (words === '' ? <td key={place} /> : <th key={place} scope="col" children={words} />))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ cells: [first, ...others], ...attributes }, place) => (
          <tr key={place} {...attributes}>
            <th scope="row">{first}</th>
            {others.map((cell, at) => (
              <td key={at}>{cell}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface IAsked<T> {
  found: T | null;
  problem: IProblem | null;
  /** Ask once more, or something else that is answered alike. */
  again(other?: () => Promise<T>): Promise<void>;
}

/** Ask the server when a view opens and whenever `what` changes; only the newest question's answer is taken. */
export function useAsked<T>(ask: () => Promise<T>, what: unknown[], wanted = true): IAsked<T> {
  const [answer, setAnswer] = React.useState<Pick<IAsked<T>, 'found' | 'problem'>>({ found: null, problem: null });
  const asked = React.useRef(0);
  const again = async (other = ask): Promise<void> => {
    const number = ++asked.current;
    const next = await other().then(
      found => () => ({ found, problem: null }),
      error => (before: typeof answer) => ({ found: before.found, problem: problemOf(error) })
    );
    if (number === asked.current) {
      setAnswer(next);
    }
  };
  React.useEffect(() => {
    if (wanted) {
      void again();
    }
    return () => void asked.current++;
  }, [...what, wanted]);
  return { ...answer, again };
}
