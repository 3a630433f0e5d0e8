/** What the endpoints were asked, against what their models were made from; a row for each feature, the worst first. */

import * as React from 'react';

import { IDrift, IEndpoint } from '../tokens';
import { Button, Dim, Section, Table, useAsked, Wrong } from './parts';
import { clock, zoneHere } from './times';
import { IView } from './widget';

const THRESHOLD = 0.2; // population stability index: more is a shift that matters (Siddiqi 2006, Credit Risk Scorecards)
const FULL = 0.5;

export function Monitor(view: IView): JSX.Element {
  const { model, trans, commands } = view;
  const deploy = 'nbprod:deploy-notebook';
  return (
    <Section title={trans.__('Monitor')} name="monitor">
      {model.endpoints.length === 0 && (
        <>
          <Dim>{trans.__('Nothing is deployed. Once an endpoint answers, what it is asked is compared here with its training data.')}</Dim>
          <Button disabled={!commands.isEnabled(deploy)} onClick={() => void commands.execute(deploy)}>
            {trans.__('Deploy')}
          </Button>
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
  const ask = async (): Promise<{ drift: IDrift; looked: string }> => {
    const drift = await model.api.drift(model.path, name);
    return { drift, looked: new Date().toLocaleTimeString() };
  };
  const { found, problem, again } = useAsked(ask, [model, name, version, since, model.endpointsToken]);
  const drift = found?.drift;
  return (
    <article className="jp-nbprod-card" data-nbprod-drift={name} aria-label={name}>
      <p>
        <b>{name}</b> {version ? `v${version}` : ''} {drift && <Verdict trans={trans} drift={drift} />}
      </p>
      <Wrong problem={problem} />
      {drift?.rows === 0 && <Dim>{trans.__('It was not asked yet. Try it under Pipeline, or send it rows; they are judged here.')}</Dim>}
      {drift && drift.rows > 0 && (
        <>
          <Dim>
            {trans._n('%1 row asked', '%1 rows asked', drift.rows)}
            {drift.since ? trans.__(', the first %1', clock(drift.since, zoneHere())) : ''}
          </Dim>
          <Features trans={trans} features={drift.features} />
        </>
      )}
      <div className="jp-nbprod-row">
        <Button name="drift-refresh" onClick={() => void again()}>
          {trans.__('Look again')}
        </Button>
        <span className="jp-nbprod-dim" role="status">
          {found && trans.__('as of %1', found.looked)}
        </span>
      </div>
    </article>
  );
}

function Verdict({ trans, drift }: Pick<IView, 'trans'> & { drift: IDrift }): JSX.Element {
  const words: { [verdict: string]: string } = {
    drift: trans.__('! drift'),
    stable: trans.__('✓ stable'),
    'too few rows': drift.rows === 0 ? trans.__('○ nothing to judge') : trans.__('○ too few rows to judge')
  };
  return <span data-nbprod-verdict={drift.verdict}>{words[drift.verdict] ?? drift.verdict}</span>;
}

function Features({ trans, features }: Pick<IView, 'trans'> & Pick<IDrift, 'features'>): JSX.Element {
  const rows = features.map(({ name, psi, drift }) => ({
    'data-nbprod-feature': name,
    'data-nbprod-drifts': drift,
    title: name,
    cells: [name, <Bar psi={psi} drift={drift} />, psi.toFixed(3), drift ? trans.__('! drift') : trans.__('✓ ok')]
  }));
  return (
    <Table
      className="jp-nbprod-drift"
      caption={trans.__('Population stability index; the line is at %1', THRESHOLD)}
      unseen="head"
      head={[trans.__('feature'), trans.__('bar'), trans.__('index'), trans.__('judged')]}
      rows={rows}
    >
      <colgroup>
        <col />
        <col />
        <col className="jp-nbprod-drift-index" />
        <col className="jp-nbprod-drift-word" />
      </colgroup>
    </Table>
  );
}

/** A bar as wide as its column; it is full from an index of 0.5 on. */
function Bar({ psi, drift }: { psi: number; drift: boolean }): JSX.Element {
  const at = (value: number): string => `${Math.min(1, Math.max(0, value) / FULL) * 100}%`;
  return (
    <svg className="jp-nbprod-bar" width="100%" height="12" aria-unseen="true">
      <rect className="jp-nbprod-bar-all" width="100%" height="12" />
      <rect className={drift ? 'jp-nbprod-bar-high' : 'jp-nbprod-bar-low'} width={at(psi)} height="12" />
      <line x1={at(THRESHOLD)} x2={at(THRESHOLD)} y2="12" />
    </svg>
  );
}
