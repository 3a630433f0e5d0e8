/** The notebook's name, how ready it is, and the one thing to do next. */

import * as React from 'react';

import { IReadiness, VERSION } from '../tokens';
import { nextOf } from './next';
import { Button } from './parts';
import { Problem } from './problem';
import { IView } from './widget';

const AROUND = 2 * Math.PI * 9;

export function Header(view: IView): JSX.Element {
  const { model, trans } = view;
  const name = model.path.split('/').pop() ?? '';
  const readiness = model.pipeline?.readiness;
  return (
    <header className="jp-nbprod-header" data-nbprod="header">
      <div className="jp-nbprod-title">
        <strong title={model.path}>{name}</strong>
        {readiness && <Steps {...view} readiness={readiness} />}
      </div>
      {readiness && <Next {...view} readiness={readiness} />}
      {model.version && model.version !== VERSION && (
        <p className="jp-nbprod-banner" role="status" data-nbprod="version-skew">
          {trans.__('This page is nbprod %1, the server %2: reload the page.', VERSION, model.version)}
        </p>
      )}
      {model.problem && (
        <Problem {...view} name="problem" problem={model.problem}>
          <Button onClick={() => model.set({ problem: null })}>{trans.__('Dismiss')}</Button>
        </Problem>
      )}
    </header>
  );
}

function Steps(view: IView & { readiness: IReadiness }): JSX.Element {
  const { trans, readiness } = view;
  return (
    <details className="jp-nbprod-steps">
      <summary title={trans.__('The way to production: ten steps')} data-nbprod="readiness">
        <Ring percent={readiness.percent} />
        {readiness.percent} %
      </summary>
      <ul>
        {readiness.steps.map(step => (
          <li key={step.name} data-done={step.done} title={step.done ? '' : (step.next ?? '')}>
            {step.done ? '✓' : '○'} {step.name}
            <span className="jp-nbprod-hidden">{step.done ? trans.__('done') : trans.__('to do')}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Next(view: IView & { readiness: IReadiness }): JSX.Element | null {
  const { model, trans, readiness } = view;
  const step = readiness.steps.find(item => !item.done);
  if (!step) {
    return <p className="jp-nbprod-next">{trans.__('All ten steps are done.')}</p>;
  }
  const next = nextOf(view, step);
  return (
    <div className="jp-nbprod-next" data-nbprod="next">
      <span title={step.next ?? ''}>{trans.__('Next: %1', next.words)}</span>
      {next.run && (
        <Button name="do-next" aria-label={trans.__('Do: %1', next.words)} disabled={model.working} onClick={next.run}>
          {trans.__('Do')}
        </Button>
      )}
    </div>
  );
}

function Ring({ percent }: { percent: number }): JSX.Element {
  const done = `${(AROUND * percent) / 100} ${AROUND}`;
  return (
    <svg className="jp-nbprod-ring" width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">
      <circle cx="11" cy="11" r="9" className="jp-nbprod-ring-rest" />
      <circle cx="11" cy="11" r="9" className="jp-nbprod-ring-done" strokeDasharray={done} transform="rotate(-90 11 11)" />
    </svg>
  );
}
