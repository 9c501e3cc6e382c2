/** `<script src="home.js" data-to="/browser/shop/" data-route="/order/<int:id>" data-release="1.0.0" defer>` */

import { home } from "./home.ts";

declare global {
  var diffgramHome: typeof home;
}

globalThis.diffgramHome = home;
const { to, route, release } = (document.currentScript as HTMLScriptElement | null)?.dataset ?? {};
if (to) home.start({ to, route, release });
