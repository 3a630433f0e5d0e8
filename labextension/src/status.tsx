/** The status-bar item: what runs, else how ready the notebook is. */

import { VDomModel, VDomRenderer } from '@jupyterlab/apputils';
import { TextItem } from '@jupyterlab/statusbar';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Model } from './model';
import { iconOf } from './panel/words';

/** One line of text; a click opens the panel. */
export class StatusItem extends VDomRenderer<VDomModel> {
  constructor(
    private readonly state: Model,
    private readonly trans: TranslationBundle,
    private readonly open: () => void
  ) {
    super(new VDomModel());
    this.addClass('jp-nbprod-status');
    state.changed.connect(() => this.update());
  }

  protected render(): JSX.Element {
    return <TextItem source={this.words()} title={this.trans.__('Open the nbprod panel')} onClick={this.open} />;
  }

  private words(): string {
    const { live, run, operation, pipeline } = this.state;
    if (live) {
      const stage = run?.stages.find(item => item.status === 'running');
      return `nbprod ${iconOf('running')} ${stage ? stage.name : this.trans.__('running')}`;
    }
    if (operation?.state === 'running') {
      return `nbprod ${iconOf('running')} ${operation.kind}`;
    }
    if (run?.status === 'failed') {
      return `nbprod ${iconOf('failed')} ${this.trans.__('run failed')}`;
    }
    return pipeline ? this.trans.__('nbprod %1 %', pipeline.readiness.percent) : 'nbprod';
  }
}
