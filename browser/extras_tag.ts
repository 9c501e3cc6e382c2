/** `<script src="extras.js" defer>`, after home.js. */

import { extras } from "./extras.ts";

if (globalThis.diffgramHome) extras(globalThis.diffgramHome);
