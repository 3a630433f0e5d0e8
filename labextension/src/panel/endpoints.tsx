/** What is deployed: a card an endpoint with its health, a form to try it, its versions, its log. */

import * as React from 'react';

import { IEndpoint } from '../tokens';
import { rollBack, stopEndpoint } from '../verbs';
import { Button, Dim, Fold, Page, Section, useAsked, Wrong } from './parts';
import { addressOf } from './snippets';
import { Try } from './try';
import { IView } from './widget';
import { ago, iconOf, short } from './words';

const HEALTH = 5000;

type Of = IView & { endpoint: IEndpoint };

export function Endpoints(view: IView): JSX.Element {
  const { model, trans } = view;
  return (
    <Section title={trans.__('Endpoints')} name="endpoints">
      {model.endpoints.length === 0 && <Dim>{trans.__('Nothing is deployed. Deploy serves the model on this machine.')}</Dim>}
      {model.endpoints.map(item => (
        <Card key={item.endpoint} {...view} endpoint={item} />
      ))}
    </Section>
  );
}

function Card(view: Of): JSX.Element {
  const { model, trans, endpoint } = view;
  const { endpoint: name, state, version, target } = endpoint;
  return (
    <article className="jp-nbprod-card" data-nbprod-endpoint={name} data-nbprod-state={state} aria-label={name}>
      <p>
        {iconOf(state)} <b>{name}</b> {version ? `v${version}` : ''} {target} · {state}
      </p>
      <Health {...view} />
      <p>
        <code data-nbprod="endpoint-url">{addressOf(view, endpoint)}</code>
      </p>
      <Try key={`${name}:${version}:${endpoint.url}`} {...view} />
      <Versions {...view} />
      <Log {...view} />
      <div className="jp-nbprod-row">
        <Page name="docs" href={model.api.through(model.path, name, 'docs')}>
          {trans.__('Docs')}
        </Page>
        <Button name="stop-endpoint" disabled={model.busy !== ''} onClick={() => void stopEndpoint(model, name)}>
          {trans.__('Stop')}
        </Button>
      </div>
    </article>
  );
}

/** How the endpoint is doing, asked again and again while its card is shown; the card's state says that it does not answer. */
function Health({ model, trans, endpoint }: Of): JSX.Element | null {
  const what = [model, endpoint.endpoint, endpoint.url, endpoint.version, model.endpointsToken];
  const { found, problem, again } = useAsked(() => model.api.health(model.path, endpoint.endpoint), what);
  React.useEffect(() => {
    const timer = window.setInterval(() => document.visibilityState === 'visible' && void again(), HEALTH);
    return () => window.clearInterval(timer);
  }, what);
  if (!found || problem) {
    return null;
  }
  const { p50_ms, p95_ms, requests, errors } = found;
  return (
    <Dim name="health">
      {p50_ms === null ? trans.__('not asked yet') : trans.__('%1 ms', short(p50_ms))}
      {p95_ms === null ? '' : ` · ${trans.__('95 % within %1 ms', short(p95_ms))}`}
      {` · ${trans._n('%1 request', '%1 requests', requests)}`}
      {errors ? ` · ${trans._n('%1 error', '%1 errors', errors)}` : ''}
    </Dim>
  );
}

function Versions({ model, trans, endpoint }: Of): JSX.Element {
  const { endpoint: name, version, since } = endpoint;
  const [open, setOpen] = React.useState(false);
  const what = [model, name, version, since, model.endpointsToken];
  const { found, problem } = useAsked(() => model.api.versions(model.path, name), what, open);
  const versions = found?.versions ?? [];
  const before = versions[versions.findIndex(item => item.current) + 1];
  return (
    <Fold name="versions" summary={trans.__('Versions')} onToggle={event => setOpen(event.currentTarget.open)}>
      <ul className="jp-nbprod-list">
        {versions.map(item => (
          <li key={`${item.deployed}:${item.model_path}`} data-nbprod-current={item.current}>
            {item.current ? '●' : '○'} {item.version ? `v${item.version}` : trans.__('not registered yet')} {item.target}{' '}
            <span className="jp-nbprod-dim">{item.current ? trans.__('serving') : ago(item.deployed, trans)}</span>
            {!item.current && item.version !== null && (
              <Button
                className="jp-nbprod-number"
                data-nbprod-put-back={item.version}
                disabled={model.working}
                aria-label={trans.__('Serve v%1', item.version)}
                onClick={() => void rollBack(model, name, item.version)}
              >
                {trans.__('Serve')}
              </Button>
            )}
          </li>
        ))}
      </ul>
      <Wrong problem={problem} />
      <Button
        name="roll-back"
        disabled={!before || model.working}
        title={before ? trans.__('Put the version before it back') : trans.__('There is no version before it')}
        onClick={() => void rollBack(model, name, before?.version ?? null)}
      >
        {before?.version ? trans.__('Roll back to v%1', before.version) : trans.__('Roll back')}
      </Button>
    </Fold>
  );
}

function Log({ model, trans, endpoint }: Of): JSX.Element {
  const { found, problem, again } = useAsked(() => model.api.logs(model.path, endpoint.endpoint), [], false);
  return (
    <Fold name="log" summary={trans.__('Log')} onToggle={event => event.currentTarget.open && void again()}>
      <pre className="jp-nbprod-log" tabIndex={0} aria-label={trans.__('Log of %1', endpoint.endpoint)}>
        {found?.log === '' ? trans.__('nothing was written so far') : found?.log}
      </pre>
      <Wrong problem={problem} />
      <Button onClick={() => void again()}>{trans.__('Refresh')}</Button>
    </Fold>
  );
}
