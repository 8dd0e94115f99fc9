// `npm start`: gets the default model, then serves the page. Without the model the page still opens files and URLs.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ensureModel } from './model.mjs';

await ensureModel().catch((error) => console.error(`${error.message}\nThe page starts without it: choose a file or a URL there.`));
const vite = fileURLToPath(new URL('../node_modules/vite/bin/vite.js', import.meta.url));
const server = spawn(process.execPath, [vite, ...process.argv.slice(2)], { stdio: 'inherit' });
server.on('exit', (code) => process.exit(code ?? 0));
