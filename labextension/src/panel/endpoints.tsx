/** What is deployed: a card an endpoint with its health, a form to try it, its versions, its log. */

import * as React from 'react';

import { problemOf } from '../api';
import { IEndpoint, IHealth, IProblem, IVersion } from '../tokens';
import { rollBack, stopEndpoint } from '../verbs';
import { addressOf } from './snippets';
import { Try } from './try';
import { IView, Section, Wrong } from './widget';
import { ago, iconOf, short } from './words';

const HEALTH = 5000;

export function Endpoints(view: IView): JSX.Element {
  const { model, trans } = view;
  return (
    <Section title={trans.__('Endpoints')} name="endpoints">
      {model.endpoints.length === 0 && (
        <p className="jp-nbprod-dim">{trans.__('Nothing is deployed. Deploy serves the model on this machine.')}</p>
      )}
      {model.endpoints.map(item => (
        <Card key={item.endpoint} {...view} endpoint={item} />
      ))}
    </Section>
  );
}

function Card(view: IView & { endpoint: IEndpoint }): JSX.Element {
  const { model, trans, endpoint } = view;
  const { endpoint: name, state, version, target } = endpoint;
  const health = useHealth(view);
  return (
    <article className="jp-nbprod-card" data-nbprod-endpoint={name} data-nbprod-state={state} aria-label={name}>
      <p>
        {iconOf(state)} <b>{name}</b> {version ? `v${version}` : ''} {target} · {state}
      </p>
      {health && (
        <p className="jp-nbprod-dim" data-nbprod="health">
          {health.p50_ms === null ? trans.__('not asked yet') : trans.__('%1 ms', short(health.p50_ms))}
          {health.p95_ms === null ? '' : ` · ${trans.__('95 % within %1 ms', short(health.p95_ms))}`}
          {` · ${trans._n('%1 request', '%1 requests', health.requests)}`}
          {health.errors ? ` · ${trans._n('%1 error', '%1 errors', health.errors)}` : ''}
        </p>
      )}
      <p>
        <code data-nbprod="endpoint-url">{addressOf(view, endpoint)}</code>
      </p>
      <Try key={`${name}:${version}:${endpoint.url}`} {...view} />
      <Versions {...view} />
      <Log {...view} />
      <div className="jp-nbprod-row">
        <a
          className="jp-nbprod-button"
          data-nbprod="docs"
          href={model.api.through(model.path, name, 'docs')}
          target="_blank"
          rel="noreferrer"
        >
          {trans.__('Docs')}
        </a>
        <button
          className="jp-nbprod-button"
          data-nbprod="stop-endpoint"
          disabled={model.busy !== ''}
          onClick={() => void stopEndpoint(model, name)}
        >
          {trans.__('Stop')}
        </button>
      </div>
    </article>
  );
}

/** Ask how the endpoint is doing while its card is shown. */
function useHealth({ model, endpoint }: IView & { endpoint: IEndpoint }): IHealth | null {
  const [health, setHealth] = React.useState<IHealth | null>(null);
  React.useEffect(() => {
    let shown = true;
    const ask = (): void => {
      if (document.visibilityState === 'visible') {
        model.api.health(model.path, endpoint.endpoint).then(
          found => shown && setHealth(found),
          () => shown && setHealth(null) // the card's state says that it does not answer
        );
      }
    };
    ask();
    const timer = window.setInterval(ask, HEALTH);
    return () => {
      shown = false;
      window.clearInterval(timer);
    };
  }, [model, endpoint.endpoint, endpoint.url, endpoint.version, model.endpointsToken]);
  return health;
}

function Versions({ model, trans, endpoint }: IView & { endpoint: IEndpoint }): JSX.Element {
  const [versions, setVersions] = React.useState<IVersion[]>([]);
  const [problem, setProblem] = React.useState<IProblem | null>(null);
  const [open, setOpen] = React.useState(false);
  React.useEffect(() => {
    if (open) {
      model.api.versions(model.path, endpoint.endpoint).then(setVersions, error => setProblem(problemOf(error)));
    }
  }, [model, endpoint.endpoint, endpoint.version, endpoint.since, open, model.endpointsToken]);
  const current = versions.findIndex(item => item.current);
  const before = versions[current + 1];
  return (
    <details className="jp-nbprod-fold" data-nbprod="versions" onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>{trans.__('Versions')}</summary>
      <ul className="jp-nbprod-list">
        {versions.map(item => (
          <li key={`${item.deployed}:${item.model_path}`} data-nbprod-current={item.current}>
            {item.current ? '●' : '○'} {item.version ? `v${item.version}` : trans.__('not registered yet')} {item.target}{' '}
            <span className="jp-nbprod-dim">{item.current ? trans.__('serving') : ago(item.deployed, trans)}</span>
            {!item.current && item.version !== null && (
              <button
                className="jp-nbprod-button jp-nbprod-number"
                data-nbprod-put-back={item.version}
                disabled={model.working}
                aria-label={trans.__('Serve v%1', item.version)}
                onClick={() => void rollBack(model, endpoint.endpoint, item.version)}
              >
                {trans.__('Serve')}
              </button>
            )}
          </li>
        ))}
      </ul>
      {problem && <Wrong problem={problem} />}
      <button
        className="jp-nbprod-button"
        data-nbprod="roll-back"
        disabled={!before || model.working}
        title={before ? trans.__('Put the version before it back') : trans.__('There is no version before it')}
        onClick={() => void rollBack(model, endpoint.endpoint, before?.version ?? null)}
      >
        {before?.version ? trans.__('Roll back to v%1', before.version) : trans.__('Roll back')}
      </button>
    </details>
  );
}

function Log({ model, trans, endpoint }: IView & { endpoint: IEndpoint }): JSX.Element {
  const [text, setText] = React.useState('');
  const load = (): void => {
    model.api.logs(model.path, endpoint.endpoint).then(
      found => setText(found || trans.__('nothing was written so far')),
      error => setText(problemOf(error).message)
    );
  };
  return (
    <details className="jp-nbprod-fold" data-nbprod="log" onToggle={event => event.currentTarget.open && load()}>
      <summary>{trans.__('Log')}</summary>
      <pre className="jp-nbprod-log" tabIndex={0} aria-label={trans.__('Log of %1', endpoint.endpoint)}>
        {text}
      </pre>
      <button className="jp-nbprod-button" onClick={load}>
        {trans.__('Refresh')}
      </button>
    </details>
  );
}
