/** Typed calls to the server extension; the only place that knows its addresses. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import {
  IComparison,
  IDrift,
  IFixes,
  IHealth,
  IOperation,
  IPipeline,
  IPrediction,
  IPreview,
  IProblem,
  IRun,
  ISample,
  ISchedules,
  IState,
  ISuggestion,
  ITarget,
  IVersion,
  Kind,
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

type Body = { [name: string]: unknown };
type IRow = { [column: string]: Value };

interface IRequest {
  method?: 'GET' | 'POST' | 'DELETE';
  path?: string;
  query?: { [name: string]: string };
  body?: Body;
  signal?: AbortSignal;
}

/** What a run is asked to do besides running. */
export interface IRunOptions {
  parameters?: { [name: string]: string };
  model?: string;
  from?: string;
  to?: string;
  force?: boolean;
}

/** The server extension, as far as the panel needs it; every path is the notebook's, below the server's root. */
export class Api {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  status = () => this.ask<{ version: string }>('status');
  /** Copy the example notebook into a folder unless it is there. */
  example = (folder: string) => this.ask<{ path: string }>('example', { method: 'POST', body: { folder } });

  pipeline = (path: string, content: unknown, signal?: AbortSignal) => this.post<IPipeline>('pipeline', path, { content }, signal);
  suggestion = (path: string, content: unknown) => this.post<ISuggestion>('suggestion', path, { content });
  fixes = (path: string, content: unknown, only: { code?: string; cell_id?: string | null }) =>
    this.post<IFixes>('fixes', path, { content, ...only });

  state = (path: string) => this.ask<IState>('state', { path });
  oneRun = (path: string, run: string) => this.ask<IRun>(`runs/${run}`, { path });
  run = (path: string, options: IRunOptions) => this.post<{ run: string }>('run', path, { ...options });
  stopRun = (path: string, run: string) => this.post(`runs/${run}/stop`, path);
  compare = (path: string, first: string, second: string) => this.ask<IComparison>(`runs/${first}/compare/${second}`, { path });
  /** The executed notebook of a stage of a run, as nbformat has it. */
  executed = (path: string, run: string, stage: string) => this.ask<unknown>(`runs/${run}/notebook/${stage}`, { path });

  start = (kind: Kind, path: string, body: Body) => this.post<IOperation>(kind, path, body);
  operation = (path: string, id: string) => this.ask<IOperation>(`operations/${id}`, { path });
  stopOperation = (path: string, id: string) => this.post(`operations/${id}/stop`, path);

  targets = (path: string) => this.ask<{ targets: ITarget[] }>('targets', { path });
  stopEndpoint = (path: string, name: string) => this.ask(of(name), { method: 'DELETE', path });
  sample = (path: string, name: string) => this.ask<ISample>(`${of(name)}/sample`, { path });
  predict = (path: string, name: string, rows: IRow[]) => this.post<IPrediction>(`${of(name)}/predict`, path, { rows });
  health = (path: string, name: string) => this.ask<IHealth>(`${of(name)}/health`, { path });
  versions = (path: string, name: string) => this.ask<{ versions: IVersion[] }>(`${of(name)}/versions`, { path });
  rollback = (path: string, name: string, version: string | null) => this.post<IOperation>(`${of(name)}/rollback`, path, { version });
  logs = (path: string, name: string) => this.ask<{ log: string }>(`${of(name)}/logs`, { path });
  drift = (path: string, name: string) => this.ask<IDrift>(`${of(name)}/drift`, { path });

  schedules = (path: string) => this.ask<ISchedules>('schedules', { path });
  preview = (path: string, cron: string, tz: string) => this.ask<IPreview>('schedules/preview', { path, query: { cron, tz } });
  /** Add a schedule, or replace the one of that name, and see to it that a process runs what is due. */
  schedule = (path: string, body: { cron: string; tz: string; parameters: Body; name?: string }) =>
    this.post<ISchedules>('schedules', path, body);
  unschedule = (path: string, name: string) => this.ask<ISchedules>(planned(name), { method: 'DELETE', path });
  pause = (path: string, name: string, paused: boolean) => this.post<ISchedules>(`${planned(name)}/pause`, path, { paused });
  scheduleNow = (path: string, name: string) => this.post<{ run: string }>(`${planned(name)}/now`, path);

  /** Start MLflow's pages for the project and return their address. */
  async mlflow(path: string): Promise<string> {
    const { url } = await this.ask<{ url: string }>('mlflow', { method: 'POST', body: { path } });
    return /^https?:/.test(url) ? url : URLExt.join(this.settings.baseUrl, url);
  }

  /** The address of a page of ours for people: a stage's executed notebook, a report. */
  page(path: string, route: string): string {
    return URLExt.join(this.settings.baseUrl, 'nbprod/api', route) + URLExt.objectToQueryString({ path });
  }

  /** The address of an endpoint's own pages through this Jupyter server, which is where the browser can reach it. */
  through(path: string, name: string, rest: string): string {
    const notebook = path.split('/').map(encodeURIComponent).join('/');
    return URLExt.join(this.settings.baseUrl, 'nbprod/endpoint', notebook, '-', encodeURIComponent(name), rest);
  }

  private post<T>(route: string, path: string, body: Body = {}, signal?: AbortSignal): Promise<T> {
    return this.ask<T>(route, { method: 'POST', body: { path, ...body }, signal });
  }

  /** Send a request; anything but the expected JSON becomes an `ApiError` with words for people. */
  private async ask<T>(route: string, request: IRequest = {}): Promise<T> {
    const query = { ...request.query, ...(request.path === undefined ? {} : { path: request.path }) };
    const asked = Object.keys(query).length ? URLExt.objectToQueryString(query) : '';
    const url = URLExt.join(this.settings.baseUrl, 'nbprod/api', route) + asked;
    const init: RequestInit = { method: request.method ?? 'GET', signal: request.signal };
    if (request.body !== undefined) {
      init.body = JSON.stringify(request.body);
    }
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this.settings);
    } catch (error) {
      if (request.signal?.aborted) {
        throw error;
      }
      throw new ApiError(0, told('NB932', 'the Jupyter server does not answer', 'is it still running?'));
    }
    return readAnswer<T>(response);
  }
}

async function readAnswer<T>(response: Response): Promise<T> {
  let answer: any = null;
  try {
    answer = JSON.parse(await response.text());
  } catch {
    throw new ApiError(response.status, told('NB933', `the server answered ${response.status} ${response.statusText}`, null));
  }
  if (!response.ok) {
    const fallback = told('NB934', answer?.message ?? `the server answered ${response.status}`, null);
    throw new ApiError(response.status, answer?.error ?? fallback);
  }
  return answer as T;
}

function of(name: string): string {
  return `endpoints/${encodeURIComponent(name)}`;
}

function planned(name: string): string {
  return `schedules/${encodeURIComponent(name)}`;
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
