/** The one icon: three stages and their edges. */

import { LabIcon } from '@jupyterlab/ui-components';

export const nbprodIcon = new LabIcon({
  name: 'nbprod:icon',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <circle cx="12" cy="4.5" r="3"/><circle cx="6" cy="18.5" r="3"/><circle cx="18" cy="18.5" r="3"/>
    <path d="M11.1 7.6h1.8v3.1l5 3.9-1.1 1.4-4.8-3.7-4.8 3.7-1.1-1.4 5-3.9z"/>
  </g>
</svg>`
});

export const tagIcon = new LabIcon({
  name: 'nbprod:tag',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161"
    d="M3 3h9l9 9-9 9-9-9zm2 2v6.2l7 7 6.2-6.2-7-7zm3.2 1.5a1.7 1.7 0 1 1 0 3.4 1.7 1.7 0 0 1 0-3.4z"/>
</svg>`
});
