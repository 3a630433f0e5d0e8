/** The launcher's card: a copy of the example notebook in the folder at hand. */

import { JupyterFrontEnd } from '@jupyterlab/application';

import { Api } from './api';

/** Open the example, copied by the server; a copy that is there already is opened as it is. */
export async function openExample(app: JupyterFrontEnd, api: Api, folder: string): Promise<void> {
  const { path } = await api.example(app.serviceManager.contents.localPath(folder));
  await app.commands.execute('docmanager:open', { path });
}
