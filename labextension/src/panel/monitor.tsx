/** What the endpoints were asked, against what their models were made from; issues of monitoring fill this further. */

import * as React from 'react';

import { problemOf } from '../api';
import { IDrift, IEndpoint, IProblem } from '../tokens';
import { IView, Section, Wrong } from './widget';
import { ago } from './words';

const THRESHOLD = 0.2; // population stability index: more is a shift that matters (Siddiqi 2006, Credit Risk Scorecards)
const FULL = 0.5;
const WIDTH = 90;

export function Monitor(view: IView): JSX.Element {
  const { model, trans, commands } = view;
  return (
    <Section title={trans.__('Monitor')} name="monitor">
      {model.endpoints.length === 0 && (
        <>
          <p className="jp-nbprod-dim">
            {trans.__('Nothing is deployed. Once an endpoint answers, what it is asked is compared here with its training data.')}
          </p>
          <button
            className="jp-nbprod-button"
            disabled={!commands.isEnabled('nbprod:deploy-notebook')}
            onClick={() => void commands.execute('nbprod:deploy-notebook')}
          >
            {trans.__('Deploy')}
          </button>
        </>
      )}
      {model.endpoints.map(item => (
        <Drift key={item.endpoint} {...view} endpoint={item} />
      ))}
    </Section>
  );
}

function Drift({ model, trans, endpoint }: IView & { endpoint: IEndpoint }): JSX.Element {
  const [found, setFound] = React.useState<IDrift | null>(null);
  const [problem, setProblem] = React.useState<IProblem | null>(null);
  const load = React.useCallback((): void => {
    model.api.drift(model.path, endpoint.endpoint).then(
      drift => (setFound(drift), setProblem(null)),
      error => setProblem(problemOf(error))
    );
  }, [model, endpoint.endpoint]);
  React.useEffect(load, [load, endpoint.version]);
  return (
    <article className="jp-nbprod-card" data-nbprod-drift={endpoint.endpoint} aria-label={endpoint.endpoint}>
      <p role="status">
        <b>{endpoint.endpoint}</b>{' '}
        {found && `${found.verdict} · ${trans._n('%1 row', '%1 rows', found.rows)}`}{' '}
        {found?.since && <span className="jp-nbprod-dim">{trans.__('since %1', ago(found.since, trans))}</span>}
      </p>
      {problem && <Wrong problem={problem} />}
      {found?.rows === 0 && <p className="jp-nbprod-dim">{trans.__('It was not asked yet: try it, then look again.')}</p>}
      {found !== null && found.rows > 0 && (
        <table className="jp-nbprod-table">
          <caption className="jp-nbprod-hidden">{trans.__('Population stability index of each feature')}</caption>
          <tbody>
            {found.features.map(item => (
              <tr key={item.name} data-nbprod-feature={item.name} data-nbprod-drifts={item.drift}>
                <td>{item.name}</td>
                <td>
                  <Bar psi={item.psi} />
                </td>
                <td>{item.psi.toFixed(3)}</td>
                <td>{item.drift ? trans.__('! drift') : trans.__('✓ ok')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <button className="jp-nbprod-button" onClick={load}>
        {trans.__('Look again')}
      </button>
    </article>
  );
}

function Bar({ psi }: { psi: number }): JSX.Element {
  const at = (value: number): number => Math.min(1, Math.max(0, value) / FULL) * WIDTH;
  return (
    <svg className="jp-nbprod-bar" width={WIDTH} height="12" viewBox={`0 0 ${WIDTH} 12`} aria-hidden="true">
      <rect className="jp-nbprod-bar-all" width={WIDTH} height="12" />
      <rect className={psi > THRESHOLD ? 'jp-nbprod-bar-high' : 'jp-nbprod-bar-low'} width={at(psi)} height="12" />
      <line x1={at(THRESHOLD)} x2={at(THRESHOLD)} y2="12" />
    </svg>
  );
}
