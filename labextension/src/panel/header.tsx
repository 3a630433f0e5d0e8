/** The notebook's name, how ready it is, and the one thing to do next. */

import * as React from 'react';

import { IReadiness, VERSION } from '../tokens';
import { IView } from './widget';

const AROUND = 2 * Math.PI * 9;

export function Header({ model, trans }: IView): JSX.Element {
  const name = model.path.split('/').pop() ?? '';
  const readiness = model.pipeline?.readiness;
  const next = readiness?.steps.find(step => !step.done);
  return (
    <header className="jp-nbprod-header" data-nbprod="header">
      <div className="jp-nbprod-title">
        <strong title={model.path}>{name}</strong>
        {readiness && <Ring readiness={readiness} />}
      </div>
      {next && <p className="jp-nbprod-next">{trans.__('Next: %1', next.next ?? next.name)}</p>}
      {readiness && (
        <details className="jp-nbprod-steps">
          <summary>{trans.__('The way to production')}</summary>
          <ul>
            {readiness.steps.map(step => (
              <li key={step.name} data-done={step.done}>
                {step.done ? '✓' : '○'} {step.name}
              </li>
            ))}
          </ul>
        </details>
      )}
      {model.version && model.version !== VERSION && (
        <p className="jp-nbprod-dim" data-nbprod="version-skew">
          {trans.__('This page is nbprod %1, the server %2: reload the page.', VERSION, model.version)}
        </p>
      )}
      {model.problem && <Problem model={model} trans={trans} />}
    </header>
  );
}

function Ring({ readiness }: { readiness: IReadiness }): JSX.Element {
  const percent = readiness.percent;
  return (
    <span className="jp-nbprod-ring" data-nbprod="readiness">
      <svg width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">
        <circle cx="11" cy="11" r="9" className="jp-nbprod-ring-rest" />
        <circle
          cx="11"
          cy="11"
          r="9"
          className="jp-nbprod-ring-done"
          strokeDasharray={`${(AROUND * percent) / 100} ${AROUND}`}
          transform="rotate(-90 11 11)"
        />
      </svg>
      {percent} %
    </span>
  );
}

function Problem({ model, trans }: Pick<IView, 'model' | 'trans'>): JSX.Element | null {
  const problem = model.problem;
  return (
    problem && (
      <div className="jp-nbprod-problem" role="alert" data-nbprod="problem">
        <p>
          ✗ <b>{problem.code}</b> {problem.message}
        </p>
        {problem.hint && <p>{problem.hint}</p>}
        <button className="jp-nbprod-button" onClick={() => model.dismiss()}>
          {trans.__('Dismiss')}
        </button>
      </div>
    )
  );
}
