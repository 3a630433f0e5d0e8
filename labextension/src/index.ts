/** The plugins; everything they need is optional but the tracker, so that they work in JupyterLab and Notebook. */

import { ILabShell, ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Api } from './api';
import { CellMarks } from './cells';
import { addCommands } from './commands';
import { Model } from './model';
import { NbprodPanel } from './panel/widget';

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'nbprod:plugin',
  description: 'The pipeline, runs and endpoints of the open notebook.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ICommandPalette, ITranslator, ILabShell, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    palette: ICommandPalette | null,
    translator: ITranslator | null,
    shell: ILabShell | null,
    restorer: ILayoutRestorer | null
  ) => {
    const trans = (translator ?? nullTranslator).load('nbprod');
    const { serverSettings, contents } = app.serviceManager;
    const model = new Model(new Api(serverSettings), contents);
    const panel = new NbprodPanel({ model, commands: app.commands, trans });
    new CellMarks(model);
    app.shell.add(panel, 'left', { rank: 350, type: 'nbprod' });
    restorer?.add(panel, panel.id);
    const open = (): void => (shell ?? app.shell).activateById(panel.id);
    for (const command of addCommands(app.commands, model, open, trans)) {
      palette?.addItem({ command, category: 'nbprod' });
    }
    tracker.currentChanged.connect((_, current) => void model.setNotebook(current));
    tracker.activeCellChanged.connect(() => model.notify());
    void model.setNotebook(tracker.currentWidget);
  }
};

export default plugin;
