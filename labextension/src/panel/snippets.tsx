/** How to ask an endpoint from elsewhere: curl and Python, with an address that works where the reader is. */

import { Clipboard } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import * as React from 'react';

import { IEndpoint, Value } from '../tokens';
import { Button } from './parts';
import { IView } from './widget';

type Language = 'curl' | 'Python';

/** Whether the browser is elsewhere than the server: an address of the server's own machine would mislead. */
export function isRemote(host = window.location.hostname, base = PageConfig.getBaseUrl()): boolean {
  const path = new URL(base, window.location.href).pathname;
  return path !== '/' || !['localhost', '127.0.0.1', '[::1]', '::1'].includes(host);
}

/** Return the address of an endpoint as the reader can use it. */
export function addressOf({ model }: Pick<IView, 'model'>, endpoint: IEndpoint): string {
  if (!isRemote()) {
    return endpoint.url;
  }
  return new URL(model.api.through(model.path, endpoint.endpoint, ''), window.location.href).href;
}

type Row = { [column: string]: Value };

export function Snippets({ view, endpoint, row }: { view: IView; endpoint: IEndpoint; row: Row }): JSX.Element {
  const { trans } = view;
  const [language, setLanguage] = React.useState<Language>('curl');
  const url = `${addressOf(view, endpoint).replace(/\/$/, '')}/predict`;
  const text = language === 'curl' ? curl(url, row) : python(url, row);
  const [copied, setCopied] = React.useState('');
  const copy = (): void => {
    Clipboard.copyToSystem(text);
    setCopied(text);
  };
  return (
    <div className="jp-nbprod-snippets" data-nbprod="snippets">
      <div className="jp-nbprod-row">
        {(['curl', 'Python'] as const).map(name => (
          <Button key={name} aria-pressed={language === name} onClick={() => setLanguage(name)}>
            {name}
          </Button>
        ))}
        <Button name="copy" onClick={copy}>
          {trans.__('Copy')}
        </Button>
        <span role="status">{copied === text && trans.__('✓ copied')}</span>
      </div>
      <pre className="jp-nbprod-log" tabIndex={0} aria-label={trans.__('%1 request', language)}>
        {text}
      </pre>
    </div>
  );
}

function curl(url: string, row: Row): string {
  const body = JSON.stringify({ rows: [row] }).replace(/'/g, "'\\''");
  const token = isRemote() ? ` \\\n  -H "Authorization: token $JUPYTER_TOKEN"` : '';
  return `curl -s '${url}' \\\n  -H 'Content-Type: application/json'${token} \\\n  -d '${body}'`;
}

function python(url: string, row: Row): string {
  const head = isRemote() ? 'import os\n\nimport requests' : 'import requests';
  const token = isRemote() ? `,\n    headers={"Authorization": f"token {os.environ['JUPYTER_TOKEN']}"}` : '';
  const fields = Object.entries(row).map(([name, value]) => `${JSON.stringify(name)}: ${literal(value)}`);
  return `${head}\n\nanswer = requests.post(\n    ${JSON.stringify(url)},\n    json={"rows": [{${fields.join(', ')}}]}${token},\n)\nprint(answer.json()["predictions"])`;
}

function literal(value: Value): string {
  return value === null ? 'None' : typeof value === 'boolean' ? (value ? 'True' : 'False') : JSON.stringify(value);
}
