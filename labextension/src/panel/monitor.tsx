/** What the endpoints were asked, against what their models were made from; a row for each feature, the worst first. */

import * as React from 'react';

import { problemOf } from '../api';
import { IDrift, IEndpoint, IProblem } from '../tokens';
import { clock, zoneHere } from './times';
import { IView, Section, Wrong } from './widget';

const THRESHOLD = 0.2; // population stability index: more is a shift that matters (Siddiqi 2006, Credit Risk Scorecards)
const FULL = 0.5;

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
        <Drift key={`${model.path}:${item.endpoint}`} {...view} endpoint={item} />
      ))}
    </Section>
  );
}

function Drift({ model, trans, endpoint }: IView & { endpoint: IEndpoint }): JSX.Element {
  const { endpoint: name, version, since } = endpoint;
  const [found, setFound] = React.useState<IDrift | null>(null);
  const [problem, setProblem] = React.useState<IProblem | null>(null);
  const [looked, setLooked] = React.useState('');
  const load = React.useCallback(async (): Promise<void> => {
    try {
      setFound(await model.api.drift(model.path, name));
      setProblem(null);
    } catch (error) {
      setProblem(problemOf(error));
    }
    setLooked(new Date().toLocaleTimeString());
  }, [model, name]);
  React.useEffect(() => void load(), [load, version, since, model.endpointsToken]);
  return (
    <article className="jp-nbprod-card" data-nbprod-drift={name} aria-label={name}>
      <p>
        <b>{name}</b> {version ? `v${version}` : ''} {found && <Verdict trans={trans} found={found} />}
      </p>
      {found !== null && found.rows > 0 && (
        <p className="jp-nbprod-dim">
          {trans._n('%1 row asked', '%1 rows asked', found.rows)}
          {found.since ? trans.__(', the first %1', clock(found.since, zoneHere())) : ''}
        </p>
      )}
      {problem && <Wrong problem={problem} />}
      {found?.rows === 0 && (
        <p className="jp-nbprod-dim">
          {trans.__('It was not asked yet. Try it under Pipeline, or send it rows; they are judged here.')}
        </p>
      )}
      {found !== null && found.rows > 0 && <Features trans={trans} features={found.features} />}
      <div className="jp-nbprod-row">
        <button className="jp-nbprod-button" data-nbprod="drift-refresh" onClick={() => void load()}>
          {trans.__('Look again')}
        </button>
        <span className="jp-nbprod-dim" role="status">
          {looked && trans.__('as of %1', looked)}
        </span>
      </div>
    </article>
  );
}

function Verdict({ trans, found }: Pick<IView, 'trans'> & { found: IDrift }): JSX.Element {
  const words: { [verdict: string]: string } = {
    drift: trans.__('! drift'),
    stable: trans.__('✓ stable'),
    'too few rows': found.rows === 0 ? trans.__('○ nothing to judge') : trans.__('○ too few rows to judge')
  };
  return <span data-nbprod-verdict={found.verdict}>{words[found.verdict] ?? found.verdict}</span>;
}

function Features({ trans, features }: Pick<IView, 'trans'> & Pick<IDrift, 'features'>): JSX.Element {
  return (
    <table className="jp-nbprod-table jp-nbprod-drift">
      <caption>{trans.__('Population stability index; the line is at %1', THRESHOLD)}</caption>
      <colgroup>
        <col />
        <col />
        <col className="jp-nbprod-drift-index" />
        <col className="jp-nbprod-drift-word" />
      </colgroup>
      <thead>
        <tr className="jp-nbprod-hidden">
          <th scope="col">{trans.__('feature')}</th>
          <th scope="col">{trans.__('bar')}</th>
          <th scope="col">{trans.__('index')}</th>
          <th scope="col">{trans.__('judged')}</th>
        </tr>
      </thead>
      <tbody>
        {features.map(item => (
          <tr key={item.name} data-nbprod-feature={item.name} data-nbprod-drifts={item.drift}>
            <th scope="row" title={item.name}>
              {item.name}
            </th>
            <td>
              <Bar psi={item.psi} drift={item.drift} />
            </td>
            <td>{item.psi.toFixed(3)}</td>
            <td>{item.drift ? trans.__('! drift') : trans.__('✓ ok')}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A bar as wide as its column; it is full from an index of 0.5 on. */
function Bar({ psi, drift }: { psi: number; drift: boolean }): JSX.Element {
  const at = (value: number): string => `${Math.min(1, Math.max(0, value) / FULL) * 100}%`;
  return (
    <svg className="jp-nbprod-bar" width="100%" height="12" aria-hidden="true">
      <rect className="jp-nbprod-bar-all" width="100%" height="12" />
      <rect className={drift ? 'jp-nbprod-bar-high' : 'jp-nbprod-bar-low'} width={at(psi)} height="12" />
      <line x1={at(THRESHOLD)} x2={at(THRESHOLD)} y2="12" />
    </svg>
  );
}
