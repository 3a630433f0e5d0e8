/** A sweep: values for some parameters, the metric that decides; every combination is a run. */

import * as React from 'react';

import { startOperation } from '../verbs';
import { IView } from './widget';

export function Sweep({ model, trans }: IView): JSX.Element {
  const [grid, setGrid] = React.useState<{ [name: string]: string }>({});
  const metrics = [...new Set(model.runs.flatMap(run => Object.keys(run.metrics)))];
  const [metric, setMetric] = React.useState(metrics[0] ?? '');
  const [maximize, setMaximize] = React.useState(true);
  const parameters = model.pipeline?.parameters ?? [];
  const given = Object.fromEntries(Object.entries(grid).filter(([, text]) => text.trim()));
  const count = Object.values(given).reduce((product, text) => product * text.split(',').length, 1);
  const submit = (event: React.FormEvent): void => {
    event.preventDefault();
    void startOperation(model, 'sweep', { grid: given, metric, maximize });
  };
  return (
    <form className="jp-nbprod-card" data-nbprod="sweep-form" onSubmit={submit}>
      <p className="jp-nbprod-dim">{trans.__('Values to try, separated by commas; stages before the parameter are reused.')}</p>
      {parameters.map(item => (
        <label className="jp-nbprod-row" key={item.name}>
          <span title={item.help || item.type}>{item.name}</span>
          <input
            data-nbprod={`sweep-${item.name}`}
            placeholder={item.default_source}
            value={grid[item.name] ?? ''}
            onChange={event => setGrid({ ...grid, [item.name]: event.target.value })}
          />
        </label>
      ))}
      <label className="jp-nbprod-row">
        <span>{trans.__('metric')}</span>
        <input
          data-nbprod="sweep-metric"
          list="jp-nbprod-metrics"
          value={metric}
          onChange={event => setMetric(event.target.value)}
        />
      </label>
      <datalist id="jp-nbprod-metrics">
        {metrics.map(name => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <label className="jp-nbprod-choice">
        <input type="checkbox" checked={maximize} onChange={event => setMaximize(event.target.checked)} />
        <span>{trans.__('larger is better')}</span>
      </label>
      <div className="jp-nbprod-row">
        <button
          type="submit"
          className="jp-nbprod-button jp-nbprod-primary"
          data-nbprod="sweep-start"
          disabled={model.working || !metric || Object.keys(given).length === 0}
        >
          {Object.keys(given).length ? trans._n('Start %1 run', 'Start %1 runs', count) : trans.__('Start')}
        </button>
        <button type="button" className="jp-nbprod-button" onClick={() => model.set({ form: null })}>
          {trans.__('Cancel')}
        </button>
      </div>
    </form>
  );
}
