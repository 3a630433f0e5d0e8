/** The plugins; everything they need is optional but the tracker, so that they work in JupyterLab and Notebook. */

import { ILabShell, ILayoutRestorer, IRouter, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import { Token } from '@lumino/coreutils';

import { Api } from './api';
import { CellMarks } from './cells';
import { addCommands } from './commands';
import { addRunsDrive, openExecuted } from './drive';
import { followEvents } from './events';
import { openExample } from './example';
import { markActions } from './marks';
import { Model } from './model';
import { Notices } from './notices';
import { NbprodPanel } from './panel/widget';
import { StatusItem } from './status';

/** What the plugins share. */
interface INbprod {
  model: Model;
  marks: CellMarks;
  notices: Notices;
  trans: TranslationBundle;
  open(): void;
}

const INbprod = new Token<INbprod>('nbprod:INbprod', 'The state of the nbprod panel.');

const panel: JupyterFrontEndPlugin<INbprod> = {
  id: 'nbprod:plugin',
  description: 'The pipeline, runs and endpoints of the open notebook.',
  autoStart: true,
  provides: INbprod,
  requires: [INotebookTracker],
  optional: [ICommandPalette, ITranslator, ILabShell, ILayoutRestorer, IRouter],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    palette: ICommandPalette | null,
    translator: ITranslator | null,
    shell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    router: IRouter | null
  ): INbprod => {
    const trans = (translator ?? nullTranslator).load('nbprod');
    const { serverSettings, contents, events } = app.serviceManager;
    const api = new Api(serverSettings);
    const model = new Model(api, contents, found => app.shell.activateById(found.id));
    const widget = new NbprodPanel({ model, commands: app.commands, trans, app });
    const open = (): void => (shell ?? app.shell).activateById(widget.id);
    const mlflow = async (page = ''): Promise<void> => {
      const tab = window.open('about:blank', '_blank'); // opened by the click itself, or browsers block it
      await model.act(trans.__('starting MLflow'), async path => {
        const url = await api.mlflow(path);
        tab?.location.assign(url + page);
      });
    };
    app.shell.add(widget, 'left', { rank: 350, type: 'nbprod' });
    restorer?.add(widget, widget.id);
    addRunsDrive(contents, api, serverSettings);
    openExecuted(app, tracker, router);
    followEvents(events, model);
    addCommands(app.commands, palette, { model, trans, open, mlflow, example: folder => openExample(app, api, folder) });
    tracker.currentChanged.connect((_, current) => void model.setNotebook(current));
    tracker.activeCellChanged.connect(() => model.notify());
    void model.setNotebook(tracker.currentWidget);
    const marks = new CellMarks(model, markActions(model, app.commands, trans), trans);
    return { model, marks, notices: new Notices(model, trans, open), trans, open };
  }
};

const settings: JupyterFrontEndPlugin<void> = {
  id: 'nbprod:settings',
  description: 'What people set of nbprod.',
  autoStart: true,
  requires: [INbprod, ISettingRegistry],
  activate: (_app: JupyterFrontEnd, { model, marks, notices }: INbprod, registry: ISettingRegistry) => {
    void registry.load(panel.id).then(found => {
      const take = (): void => {
        marks.enabled = found.get('cellChips').composite !== false;
        notices.after = Number(found.get('notifyAfter').composite ?? notices.after);
        model.notify();
      };
      found.changed.connect(take);
      take();
    });
  }
};

const surroundings: JupyterFrontEndPlugin<void> = {
  id: 'nbprod:surroundings',
  description: 'The launcher card and the status-bar item.',
  autoStart: true,
  requires: [INbprod],
  optional: [ILauncher, IStatusBar],
  activate: (_app: JupyterFrontEnd, { model, trans, open }: INbprod, launcher: ILauncher | null, statusBar: IStatusBar | null) => {
    launcher?.add({ command: 'nbprod:open-example', category: trans.__('nbprod'), rank: 1 });
    statusBar?.registerStatusItem('nbprod:status', {
      item: new StatusItem(model, trans, open),
      align: 'left',
      rank: 90,
      isActive: () => model.panel !== null,
      activeStateChanged: model.changed
    });
  }
};

export default [panel, settings, surroundings];
