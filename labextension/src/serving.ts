/** What the server extension answers of endpoints and schedules. */

/** A place a model can be put. */
export interface ITarget {
  name: string;
  available: boolean;
  missing: string | null;
}

export interface IEndpoint {
  endpoint: string;
  url: string;
  target: string;
  model: string;
  version: string | null;
  state: string;
  since?: string;
}

export interface IHealth {
  state: string;
  requests: number;
  errors: number;
  rows: number;
  p50_ms: number | null;
  p95_ms: number | null;
}

export interface IVersion {
  version: string | null;
  model: string;
  target: string;
  deployed: string;
  current: boolean;
  model_path: string;
}

export interface ISchedule {
  name: string;
  notebook: string;
  cron: string;
  tz: string;
  words: string;
  parameters: { [name: string]: unknown };
  paused: boolean;
  /** The next five times, ISO; empty while it is paused. */
  next: string[];
  history: { due: string; run: string; status: string; started: string; finished: string; message: string }[];
}

export interface ISchedules {
  schedules: ISchedule[];
  /** Whether a process runs what is due. */
  running: boolean;
}

export interface IPreview {
  cron: string;
  words: string;
  tz: string;
  next: string[];
}

/** What an endpoint was asked against what its model was made from. */
export interface IDrift {
  endpoint: string;
  monitor: string;
  rows: number;
  since: string | null;
  verdict: string;
  features: { name: string; psi: number; drift: boolean; [more: string]: unknown }[];
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
