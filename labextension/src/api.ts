/** Typed calls to the server extension; the only place that knows its addresses. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import {
  IEndpoint,
  IOperation,
  IPipeline,
  IPrediction,
  IProblem,
  IRun,
  ISample,
  Value
} from './tokens';

/** An answer that was not what was asked for. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: IProblem
  ) {
    super(problem.message);
  }
}

interface IRequest {
  method?: 'GET' | 'POST' | 'DELETE';
  path?: string;
  body?: { [name: string]: unknown };
}

/** The server extension, as far as the panel needs it. */
export class Api {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  status(): Promise<{ version: string }> {
    return this.ask('status');
  }

  pipeline(path: string, content: unknown): Promise<IPipeline> {
    return this.ask('pipeline', { method: 'POST', body: { path, content } });
  }

  async runs(path: string): Promise<IRun[]> {
    return (await this.ask<{ runs: IRun[] }>('runs', { path })).runs;
  }

  oneRun(path: string, run: string): Promise<IRun> {
    return this.ask(`runs/${run}`, { path });
  }

  run(
    path: string,
    options: { parameters?: { [name: string]: string }; from?: string; force?: boolean }
  ): Promise<{ run: string }> {
    return this.ask('run', { method: 'POST', body: { path, ...options } });
  }

  stopRun(path: string, run: string): Promise<unknown> {
    return this.ask(`runs/${run}/stop`, { method: 'POST', body: { path } });
  }

  start(kind: 'deploy' | 'verify', path: string, parameters: { [name: string]: string }): Promise<IOperation> {
    return this.ask(kind, { method: 'POST', body: { path, parameters } });
  }

  operation(path: string, id: string): Promise<IOperation> {
    return this.ask(`operations/${id}`, { path });
  }

  async endpoints(path: string): Promise<IEndpoint[]> {
    return (await this.ask<{ endpoints: IEndpoint[] }>('endpoints', { path })).endpoints;
  }

  stopEndpoint(path: string, name: string): Promise<unknown> {
    return this.ask(`endpoints/${encodeURIComponent(name)}`, { method: 'DELETE', path });
  }

  sample(path: string, name: string): Promise<ISample> {
    return this.ask(`endpoints/${encodeURIComponent(name)}/sample`, { path });
  }

  predict(path: string, name: string, rows: { [column: string]: Value }[]): Promise<IPrediction> {
    return this.ask(`endpoints/${encodeURIComponent(name)}/predict`, {
      method: 'POST',
      body: { path, rows }
    });
  }

  /** Send a request; anything but the expected JSON becomes an `ApiError` with words for people. */
  private async ask<T>(route: string, request: IRequest = {}): Promise<T> {
    const query = request.path === undefined ? '' : URLExt.objectToQueryString({ path: request.path });
    const url = URLExt.join(this.settings.baseUrl, 'nbprod/api', route) + query;
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(
        url,
        {
          method: request.method ?? 'GET',
          body: request.body === undefined ? undefined : JSON.stringify(request.body)
        },
        this.settings
      );
    } catch (error) {
      throw new ApiError(0, told('NB932', 'the Jupyter server does not answer', 'is it still running?'));
    }
    const text = await response.text();
    let answer: any = null;
    try {
      answer = JSON.parse(text);
    } catch {
      throw new ApiError(
        response.status,
        told('NB933', `the server answered ${response.status} ${response.statusText}`, null)
      );
    }
    if (!response.ok) {
      const fallback = told('NB934', answer?.message ?? `the server answered ${response.status}`, null);
      throw new ApiError(response.status, answer?.error ?? fallback);
    }
    return answer as T;
  }
}

function told(code: string, message: string, hint: string | null): IProblem {
  return { code, message, hint };
}

/** Return any thrown value as a problem to show. */
export function problemOf(error: unknown): IProblem {
  if (error instanceof ApiError) {
    return error.problem;
  }
  return told('NB935', error instanceof Error ? error.message : String(error), null);
}
