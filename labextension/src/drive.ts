/** Executed notebooks as documents of JupyterLab: a read-only drive over what the server extension keeps of runs. */

import { IRouter, JupyterFrontEnd } from '@jupyterlab/application';
import { PathExt } from '@jupyterlab/coreutils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { Contents, ServerConnection } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';

import { Api } from './api';

const NAME = 'nbprod-runs';
const ADDRESS = /\/tree\/(nbprod-runs(?::|%3A)[^?#]+)/i;
const FILE = /^(.+)\/@([\w-]+)\/([\w-]+) \(run \w+\)\.ipynb$/;

/** Return the path under which `docmanager:open` finds the executed notebook of a stage; its tab says which run's. */
export function executedPath(path: string, run: string, stage: string): string {
  return `${NAME}:${path}/@${run}/${stage} (run ${run.slice(0, 4)}).ipynb`;
}

/** Whether a document is an executed notebook, which is only looked at. */
export function isExecuted(path: string): boolean {
  return path.startsWith(`${NAME}:`);
}

/** Open executed notebooks without a kernel, also where the page is loaded anew at the address of one. */
export function openExecuted(app: JupyterFrontEnd, tracker: INotebookTracker, router: IRouter | null): void {
  const kernelPreference = { shouldStart: false, canStart: false, autoStartDefault: false };
  tracker.widgetAdded.connect((_, { context }) => {
    if (isExecuted(context.path)) {
      context.sessionContext.kernelPreference = kernelPreference;
    }
  });
  app.commands.addCommand('nbprod:open-executed', {
    execute: args => {
      const [, path] = ADDRESS.exec(String(args.request)) as RegExpExecArray;
      const open = (): unknown => app.commands.execute('docmanager:open', { path: decodeURIComponent(path), kernelPreference });
      void app.restored.then(open);
      return router?.stop; // JupyterLab's own rule would look for a file browser of the drive, and there is none
    },
    describedBy: { args: { type: 'object' } }
  });
  router?.register({ command: 'nbprod:open-executed', pattern: ADDRESS, rank: 50 });
}

/** Make executed notebooks openable. */
export function addRunsDrive(contents: Contents.IManager, api: Api, settings: ServerConnection.ISettings): void {
  contents.addDrive(new RunsDrive(api, settings));
}

class RunsDrive implements Contents.IDrive {
  readonly name = NAME;
  private readonly _fileChanged = new Signal<this, Contents.IChangedArgs>(this);
  private _isDisposed = false;

  constructor(
    private readonly api: Api,
    readonly serverSettings: ServerConnection.ISettings
  ) {}

  get fileChanged(): ISignal<this, Contents.IChangedArgs> {
    return this._fileChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  async get(localPath: string, options?: Contents.IFetchOptions): Promise<Contents.IModel> {
    if (!localPath.endsWith('.ipynb')) {
      return folder(localPath); // empty: file browsers ask for the folder of what is open
    }
    const { path, run, stage } = partsOf(localPath);
    const whole = options?.content !== false;
    const [{ started }, content] = await Promise.all([this.api.oneRun(path, run), whole ? this.api.executed(path, run, stage) : null]);
    return {
      name: PathExt.basename(localPath),
      path: localPath,
      type: 'notebook',
      format: 'json',
      mimetype: '',
      writable: false,
      created: started,
      last_modified: started,
      content
    };
  }

  async getDownloadUrl(localPath: string): Promise<string> {
    const { path, run, stage } = partsOf(localPath);
    return this.api.page(path, `runs/${run}/notebook/${stage}`);
  }

  async listCheckpoints(): Promise<Contents.ICheckpointModel[]> {
    return [];
  }

  newUntitled = refuse;
  delete = refuse;
  rename = refuse;
  save = refuse;
  copy = refuse;
  createCheckpoint = refuse;
  restoreCheckpoint = refuse;
  deleteCheckpoint = refuse;
}

function partsOf(localPath: string): { path: string; run: string; stage: string } {
  const [, path, run, stage] = FILE.exec(localPath) ?? [];
  if (!stage) {
    throw new Error(`${localPath} is not an executed notebook of a run`);
  }
  return { path, run, stage };
}

function folder(path: string): Contents.IModel {
  const moment = new Date(0).toISOString();
  const facts = { mimetype: '', writable: false, created: moment, last_modified: moment };
  return { ...facts, name: path, path, type: 'directory', format: 'json', content: [] };
}

async function refuse(): Promise<never> {
  throw new Error('an executed notebook is the record of a run and cannot be changed: save it under another name');
}
