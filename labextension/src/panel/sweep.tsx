/** A sweep: values for some parameters, the metric that decides; every combination is a run. */

import * as React from 'react';

import { startOperation } from '../verbs';
import { Blanks, Button, Dim, Field, Proposals, Tick } from './parts';
import { IView } from './widget';

export function Sweep({ model, trans }: IView): JSX.Element {
  const [grid, setGrid] = React.useState<{ [name: string]: string }>({});
  const metrics = [...new Set(model.runs.flatMap(run => Object.keys(run.metrics)))];
  const [metric, setMetric] = React.useState(metrics[0] ?? '');
  const [maximize, setMaximize] = React.useState(true);
  const given = Object.fromEntries(Object.entries(grid).filter(([, text]) => text.trim()));
  const none = Object.keys(given).length === 0;
  const count = Object.values(given).reduce((product, text) => product * text.split(',').length, 1);
  const submit = (event: React.FormEvent): void => {
    event.preventDefault();
    void startOperation(model, 'sweep', { grid: given, metric, maximize });
  };
  return (
    <form className="jp-nbprod-card" data-nbprod="sweep-form" onSubmit={submit}>
      <Dim>{trans.__('Values to try, separated by commas; stages before the parameter are reused.')}</Dim>
      <Blanks name="sweep" all={model.pipeline?.parameters ?? []} texts={grid} set={setGrid} />
      <Field name="sweep-metric" label={trans.__('metric')} list="jp-nbprod-metrics" value={metric} set={setMetric} />
      <Proposals id="jp-nbprod-metrics" values={metrics} />
      <Tick checked={maximize} onChange={event => setMaximize(event.target.checked)}>
        {trans.__('larger is better')}
      </Tick>
      <div className="jp-nbprod-row">
        <Button name="sweep-start" type="submit" primary disabled={model.working || !metric || none}>
          {none ? trans.__('Start') : trans._n('Start %1 run', 'Start %1 runs', count)}
        </Button>
        <Button onClick={() => model.set({ form: null })}>{trans.__('Cancel')}</Button>
      </div>
    </form>
  );
}
