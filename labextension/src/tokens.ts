/** What the server extension answers of notebooks and runs; one interface for each kind of object. */

import { IEndpoint } from './serving';

export * from './serving';

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
  /** Whether the server knows the edit that mends it. */
  mendable: boolean;
}

export interface IReadiness {
  percent: number;
  steps: { name: string; done: boolean; next: string | null }[];
}

/** Where the boxes and lines of the picture go; `x` and `y` of a box are its upper left corner. */
export interface IDrawing {
  width: number;
  height: number;
  box: { width: number; height: number };
  boxes: { name: string; x: number; y: number }[];
  lines: { from: string; to: string; names: string[]; path: string }[];
}

/** What a notebook means. */
export interface IPipeline {
  notebook: string;
  roles: ICellRole[];
  stages: IStage[];
  edges: IEdge[];
  parameters: IParameter[];
  /** Names of which one must be chosen as the model; none where the notebook says it, or only one may hold it. */
  undecided: string[];
  drawing: IDrawing;
  diagnostics: IDiagnostic[];
  readiness: IReadiness;
  /** Stages whose code is not that of their last run. */
  stale: string[];
}

/** Stages proposed for what is untagged. */
export interface ISuggestion {
  cells: {
    cell: number;
    cell_id: string;
    role: string;
    stage: string | null;
    reason: string;
    kept: boolean;
  }[];
  stages: { name: string; cells: number[] }[];
  notes: string[];
}

/** Edits that mend findings; the editor makes them, so that they can be undone. */
export interface IFixes {
  cells: {
    cell_id: string;
    source?: string;
    metadata?: { [name: string]: unknown };
    clear_outputs?: boolean;
  }[];
  requirements: string[];
  fixed: IDiagnostic[];
}

export interface IStageRun {
  name: string;
  status: string;
  reason: string;
  seconds: number;
  outputs: string[];
  metrics?: { [name: string]: number };
  /** When it began, while it runs. */
  since?: string | null;
  /** Whether the run kept its executed notebook. */
  kept?: boolean;
}

export interface IModel {
  name: string;
  path: string;
  version: string | null;
  uri: string | null;
}

/** One execution of the pipeline. */
export interface IRun {
  run: string;
  status: 'running' | 'succeeded' | 'failed' | 'interrupted';
  started: string;
  seconds?: number;
  parameters?: { [name: string]: unknown };
  stages: IStageRun[];
  metrics: { [name: string]: number };
  gates: { expression: string; held: boolean; detail?: string }[];
  model?: IModel | null;
  /** MLflow's own page of the run, below `nbprod/mlflow/…/-/`; null until MLflow knows of it. */
  mlflow?: string | null;
  notes: string[];
  error: IProblem | null;
}

export type Kind = 'deploy' | 'verify' | 'sweep' | 'build';

/** Long work other than a run: a deployment, a verification, a sweep. */
export interface IOperation {
  operation: string;
  kind: Kind;
  state: 'running' | 'succeeded' | 'failed' | 'interrupted';
  started: string;
  seconds: number;
  steps: { name: string; state: string; seconds: number | null; since: string | null }[];
  log: string;
  /** What the command printed; of a sweep also while it goes on. */
  result: { [name: string]: any } | null;
  /** Whether `operations/ID/report` has a page. */
  report: boolean;
  error: IProblem | null;
}

export interface ISweep {
  sweep: string;
  metric: string;
  maximize: boolean;
  trials: {
    number: number;
    parameters: { [name: string]: unknown };
    run: string | null;
    status: string;
    value: number | null;
    seconds: number;
    error: IProblem | null;
  }[];
  best: number | null;
}

/** All that changes by itself, in one answer. */
export interface IState {
  runs: IRun[];
  endpoints: IEndpoint[];
  /** The newest operation of the notebook, if it goes on or ended in this hour. */
  operation: IOperation | null;
}

/** A hint of the server that something of a notebook changed. */
export interface IChange {
  path: string;
  what: string;
  id: string;
}

/** Two runs side by side. */
export interface IComparison {
  first: IRun;
  second: IRun;
  parameters: { name: string; first: unknown; second: unknown }[];
  metrics: { name: string; first: number | null; second: number | null }[];
  stages: { name: string; first: string | null; second: string | null; changed: boolean }[];
  code: { stage: string; diff: string[] }[];
  pictures: { stage: string; cell: number; first: string | null; second: string | null }[];
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
