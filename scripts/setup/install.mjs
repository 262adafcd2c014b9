/** Brings packages and generated code up to date; what `npm run check` needs in a fresh clone. */
import { ensureBuild, ensurePackages } from './packages.mjs';

ensurePackages();
ensureBuild();
