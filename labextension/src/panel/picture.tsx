/** The pipeline's picture: a box a stage, its state as icon, word and seconds. */

import * as React from 'react';

import { colorOf } from '../cells';
import { IPipeline, IStage, IStageRun } from '../tokens';
import { Button, Dim, Section } from './parts';
import { usePassed } from './seconds';
import { IView } from './widget';
import { iconOf, seconds, short, wordOf } from './words';

export function Picture(view: IView): JSX.Element {
  const { model, trans, commands } = view;
  const pipeline = model.pipeline;
  return (
    <Section title={trans.__('Pipeline')} name="pipeline">
      {pipeline === null || pipeline.stages.length === 0 ? (
        <Dim>{pipeline === null ? trans.__('reading the notebook…') : trans.__('No code cell yet.')}</Dim>
      ) : (
        <Drawing {...view} pipeline={pipeline} />
      )}
      {pipeline !== null && pipeline.stages.length > 0 && pipeline.roles.every(role => role.inferred) && (
        <div data-nbprod="no-tags">
          <Dim>{trans.__('No cell is tagged: the notebook runs as one stage. Let nbprod propose stages, or give a cell one above.')}</Dim>
          <Button name="suggest" primary disabled={model.working} onClick={() => void commands.execute('nbprod:suggest-stages')}>
            {trans.__('Suggest stages')}
          </Button>
        </div>
      )}
    </Section>
  );
}

function Drawing(view: IView & { pipeline: IPipeline }): JSX.Element {
  const { model, trans, pipeline } = view;
  const { width, height, box: size, boxes, lines } = pipeline.drawing;
  const runs = new Map((model.run?.stages ?? []).map(stage => [stage.name, stage]));
  const failed = model.run?.error?.message ?? '';
  return (
    <div className="jp-nbprod-picture" aria-live="polite">
      <svg viewBox={`0 0 ${width} ${height}`} width={width} role="group" aria-label={trans.__('Stages of the pipeline')}>
        {lines.map(line => (
          <Edge key={`${line.from} ${line.to}`} names={line.names} path={line.path} />
        ))}
        {boxes.map(box => (
          <g key={box.name} transform={`translate(${box.x} ${box.y})`}>
            <Box
              {...view}
              stage={pipeline.stages.find(stage => stage.name === box.name)}
              run={runs.get(box.name)}
              failed={failed}
              size={size}
            />
          </g>
        ))}
      </svg>
    </div>
  );
}

/** A line between two boxes; a wide one that is not seen takes the pointer, its names are told on hover. */
function Edge({ names, path }: { names: string[]; path: string }): JSX.Element {
  return (
    <g className="jp-nbprod-edge" data-nbprod-names={names.join(' ')}>
      <title>{names.join(', ')}</title>
      <path className="jp-nbprod-reach" d={path} />
      <path d={path} />
    </g>
  );
}

interface IBox extends IView {
  stage?: IStage;
  run?: IStageRun;
  failed: string;
  size: { width: number; height: number };
}

function Box(view: IBox): JSX.Element | null {
  const { model, trans, stage, run, size } = view;
  const passed = usePassed(model, `${model.run?.run}:${stage?.name}`, run?.since, run?.status === 'running');
  if (!stage) {
    return null;
  }
  const state = run?.status ?? 'none';
  const stale = model.pipeline?.stale.includes(stage.name) ?? false;
  const words = stateWords(view, run, passed);
  const go = (): void => model.jump({ cell: stage.cells[0] ?? null, cell_id: stage.cell_ids[0] ?? null });
  const about = [
    run?.reason,
    stale ? trans.__('changed since its last run') : '',
    stage.writes.length ? trans.__('gives %1', stage.writes.join(', ')) : '',
    ...stage.volatile
  ];
  return (
    <g
      className="jp-nbprod-box"
      role="button"
      tabIndex={0}
      aria-label={[stage.name, words, stale ? trans.__('changed since its last run') : ''].filter(Boolean).join(', ')}
      data-nbprod-stage={stage.name}
      data-nbprod-state={state}
      data-nbprod-stale={stale || undefined}
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
      <rect width={size.width} height={size.height} rx="4" />
      <rect className="jp-nbprod-stripe" width="4" height={size.height} rx="2" />
      <text x="12" y="15" className="jp-nbprod-name">
        {clip(stage.name, 15)}
      </text>
      {stale && <circle className="jp-nbprod-dot" cx={size.width - 9} cy="10" r="3.5" />}
      <text x="12" y="29">
        {words}
      </text>
      <text x="12" y="42" className="jp-nbprod-last">
        {clip(state === 'failed' ? view.failed : lastOf(stage, run), 21)}
      </text>
    </g>
  );
}

function stateWords({ model, trans }: IView, run: IStageRun | undefined, passed: number): string {
  if (!run) {
    return `○ ${model.live ? trans.__('waiting') : trans.__('not run')}`;
  }
  const time = run.status === 'running' ? `${passed} s …` : run.status === 'succeeded' ? seconds(run.seconds) : '';
  return `${iconOf(run.status)} ${wordOf(run.status, trans)} ${time}`.trim();
}

/** Return what a stage last gave: its metrics, else the names it left. */
function lastOf(stage: IStage, run: IStageRun | undefined): string {
  const metrics = Object.entries(run?.metrics ?? {}).map(([name, value]) => `${name} ${short(value)}`);
  return metrics.length ? metrics.join(' ') : (run?.outputs?.length ? run.outputs : stage.writes).join(', ');
}

function clip(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
