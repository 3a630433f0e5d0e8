/** What the server extension answers; one interface for each kind of object. */

/** What an error says: what happened, what to do, where. */
export interface IProblem {
  code: string;
  message: string;
  hint: string | null;
  where?: IWhere | null;
}

/** A place in a notebook; `cell` counts from 1 over all cells. */
export interface IWhere {
  notebook: string | null;
  cell: number | null;
  cell_id: string | null;
  line: number | null;
}

/** The role analysis gave a cell. */
export interface ICellRole {
  cell: number;
  cell_id: string;
  role: string;
  stage: string | null;
  inferred: boolean;
  reason: string;
}

export interface IStage {
  name: string;
  cells: number[];
  cell_ids: string[];
  reads: string[];
  writes: string[];
  volatile: string[];
}

export interface IEdge {
  from: string;
  to: string;
  names: string[];
  kind: string;
}

export interface IParameter {
  name: string;
  type: string;
  default: string | number | boolean | null;
  default_source: string;
  help: string;
}

export interface IDiagnostic {
  code: string;
  severity: 'error' | 'warning' | 'info';
  cell: number | null;
  cell_id: string | null;
  line: number | null;
  message: string;
  fix: string | null;
}

export interface IReadiness {
  percent: number;
  steps: { name: string; done: boolean; next: string | null }[];
}

/** What a notebook means. */
export interface IPipeline {
  notebook: string;
  roles: ICellRole[];
  stages: IStage[];
  edges: IEdge[];
  parameters: IParameter[];
  diagnostics: IDiagnostic[];
  readiness: IReadiness;
}

export interface IStageRun {
  name: string;
  status: string;
  reason: string;
  seconds: number;
  outputs: string[];
}

/** One execution of the pipeline. */
export interface IRun {
  run: string;
  status: 'running' | 'succeeded' | 'failed' | 'interrupted';
  started: string;
  seconds?: number;
  stages: IStageRun[];
  metrics: { [name: string]: number };
  gates: { expression: string; held: boolean }[];
  notes: string[];
  error: IProblem | null;
}

/** Long work other than a run: a deployment, a verification. */
export interface IOperation {
  operation: string;
  kind: 'deploy' | 'verify';
  state: 'running' | 'succeeded' | 'failed';
  started: string;
  steps: { name: string; state: string }[];
  log: string;
  result: { [name: string]: any } | null;
  error: IProblem | null;
}

export interface IEndpoint {
  endpoint: string;
  url: string;
  target: string;
  model: string;
  version: string | null;
  state: string;
}

/** Rows recorded with a model, and what the notebook predicted for them. */
export interface ISample {
  columns: { name: string; type: 'number' | 'boolean' | 'string' }[];
  rows: { [column: string]: Value }[];
  predictions: unknown[];
}

export type Value = string | number | boolean | null;

export interface IPrediction {
  predictions: unknown[];
  probabilities?: number[][] | null;
  model?: { name: string; version: string | null };
}

/** What an author said of a cell; `stage` is set when `role` is `stage`. */
export interface ITag {
  role: string;
  stage: string | null;
}

/** The version of this front end; a test keeps it the same as the package's. */
export const VERSION = '0.1.0';

/** Roles a cell can have besides being of a stage. */
export const ROLES = ['parameters', 'setup', 'serve', 'gate', 'test', 'skip'];

/** What a stage may be called. */
export const STAGE_NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/;

/** How many colours stages take in turn; the style sheet has one rule for each. */
export const COLORS = 8;
