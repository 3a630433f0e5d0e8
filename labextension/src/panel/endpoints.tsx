/** What is deployed: a card an endpoint, with its URL and a form to try it. */

import * as React from 'react';

import { IEndpoint } from '../tokens';
import { Try } from './try';
import { IView, Section } from './widget';
import { iconOf } from './words';

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
  const { endpoint: name, state, version, target, url } = endpoint;
  return (
    <article className="jp-nbprod-card" data-nbprod-endpoint={name} data-nbprod-state={state}>
      <p>
        {iconOf(state)} <b>{name}</b> {version ? `v${version}` : ''} {target} · {state}
      </p>
      <p>
        <code data-nbprod="endpoint-url">{url}</code>
      </p>
      <Try key={`${name}:${version}:${url}`} {...view} />
      <button className="jp-nbprod-button" data-nbprod="stop-endpoint" onClick={() => void model.stopEndpoint(name)}>
        {trans.__('Stop')}
      </button>
    </article>
  );
}
