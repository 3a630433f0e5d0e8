/** The pipeline's picture: a box a stage, its state as icon, word and seconds. */

import * as React from 'react';

import { colorOf } from '../cells';
import { Model } from '../model';
import { jumpTo } from '../notebook';
import { IPipeline, IStage, IStageRun } from '../tokens';
import { BOX, place } from './layout';
import { IView, Section } from './widget';
import { iconOf, seconds, wordOf } from './words';

export function Picture(view: IView): JSX.Element {
  const { model, trans } = view;
  const pipeline = model.pipeline;
  return (
    <Section title={trans.__('Pipeline')} name="pipeline">
      {pipeline === null || pipeline.stages.length === 0 ? (
        <p className="jp-nbprod-dim">
          {pipeline === null ? trans.__('reading the notebook…') : trans.__('No code cell yet.')}
        </p>
      ) : (
        <Drawing {...view} pipeline={pipeline} />
      )}
      {pipeline !== null && pipeline.roles.every(role => role.inferred) && (
        <p className="jp-nbprod-dim" data-nbprod="no-tags">
          {trans.__('No cell is tagged: the notebook runs as one stage. Select a cell and give it a stage above.')}
        </p>
      )}
    </Section>
  );
}

function Drawing(view: IView & { pipeline: IPipeline }): JSX.Element {
  const { model, trans, pipeline } = view;
  const placed = React.useMemo(() => place(pipeline), [pipeline]);
  const runs = new Map((model.run?.stages ?? []).map(stage => [stage.name, stage]));
  return (
    <div className="jp-nbprod-picture" aria-live="polite">
      <svg
        viewBox={`0 0 ${placed.width} ${placed.height}`}
        width={placed.width}
        role="group"
        aria-label={trans.__('Stages of the pipeline')}
      >
        {placed.lines.map(line => (
          <polyline
            key={line.key}
            className="jp-nbprod-edge"
            points={line.points.map(point => `${point.x},${point.y}`).join(' ')}
          >
            <title>{line.names.join(', ')}</title>
          </polyline>
        ))}
        {placed.boxes.map(box => (
          <g key={box.name} transform={`translate(${box.x - BOX.width / 2} ${box.y - BOX.height / 2})`}>
            <Box {...view} stage={pipeline.stages.find(stage => stage.name === box.name)} run={runs.get(box.name)} />
          </g>
        ))}
      </svg>
    </div>
  );
}

function Box(view: IView & { stage?: IStage; run?: IStageRun }): JSX.Element | null {
  const { model, trans, stage, run } = view;
  if (!stage) {
    return null;
  }
  const state = run?.status ?? 'none';
  const words = stateWords(model, run, view);
  const go = (): void => {
    if (model.panel) {
      void jumpTo(model.panel, { cell: stage.cells[0] ?? null, cell_id: stage.cell_ids[0] ?? null });
    }
  };
  const about = [run?.reason, stage.writes.length ? trans.__('gives %1', stage.writes.join(', ')) : '', ...stage.volatile];
  return (
    <g
      className="jp-nbprod-box"
      role="button"
      tabIndex={0}
      aria-label={`${stage.name}: ${words}`}
      data-nbprod-stage={stage.name}
      data-nbprod-state={state}
      data-nbprod-color={colorOf(stage.name, model.stages)}
      onClick={go}
      onKeyDown={event => {
        if (event.key === 'Enter' || event.key === ' ') {
          event.preventDefault();
          go();
        }
      }}
    >
      <title>{about.filter(Boolean).join('\n')}</title>
      <rect width={BOX.width} height={BOX.height} rx="4" />
      <rect className="jp-nbprod-stripe" width="4" height={BOX.height} rx="2" />
      <text x="12" y="16" className="jp-nbprod-name">
        {clip(stage.name)}
      </text>
      <text x="12" y="31" className="jp-nbprod-state">
        {words}
      </text>
    </g>
  );
}

function stateWords(model: Model, run: IStageRun | undefined, { trans }: IView): string {
  if (!run) {
    return `○ ${model.live ? trans.__('waiting') : trans.__('not run')}`;
  }
  const time =
    run.status === 'running'
      ? `${Math.floor(model.secondsOf(run.name))} s …`
      : run.status === 'succeeded'
        ? seconds(run.seconds)
        : '';
  return `${iconOf(run.status)} ${wordOf(run.status, trans)} ${time}`.trim();
}

function clip(name: string): string {
  return name.length > 15 ? `${name.slice(0, 14)}…` : name;
}
