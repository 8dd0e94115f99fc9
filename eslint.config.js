// Lint: typescript-eslint's strict rules (without types, for speed) and the import rule of docs/architecture.md.
import boundaries from 'eslint-plugin-boundaries';
import tseslint from 'typescript-eslint';

/** Who may import whom. A folder may always import itself; what `forAll` names may be imported by all. */
const imports = {
  index: ['api'],
  'service-worker': ['api'],
  remote: ['api'],
  ui: ['api'],
  'ai-sdk': ['api'],
  'prompt-api': ['api'],
  api: ['error-transfer'],
  worker: ['error-transfer', 'bench', 'engine', 'text', 'kv', 'model', 'weights', 'gpu', 'gguf'],
  node: ['api', 'engine', 'text', 'kv', 'model', 'weights', 'gpu', 'gguf'],
  bench: ['engine', 'text', 'kv', 'model', 'weights', 'gpu', 'gguf', 'reference'],
  cli: ['api', 'bench', 'node', 'engine', 'text', 'kv', 'model', 'weights', 'gpu', 'gguf'],
  engine: ['text', 'kv', 'model', 'weights', 'gpu', 'gguf'],
  text: ['gguf'],
  kv: ['model', 'gpu', 'gguf'],
  model: ['gpu', 'gguf'],
  weights: ['gguf'],
  gpu: ['gguf'],
  gguf: [],
  reference: ['model', 'gguf'],
  formats: [],
  'kv/formats': [],
  errors: [],
  bytes: [],
  pairs: [],
  sum: [],
  room: [],
  random: [],
  distribution: [],
  signals: [],
  sealed: [],
  protocol: [],
  thoughts: [],
  'error-transfer': [],
};
/** Folders beside src, and whom they may import there. All of src is open to them; nothing in src may import them. */
const around = { bench: ['scripts'], e2e: ['bench', 'scripts', 'test'], test: ['bench', 'scripts'], scripts: ['test'] };
const beside = (folder) => `beside src: ${folder}`;
const forAll = [
  'errors', 'base64', 'bytes', 'pairs', 'room', 'random', 'remembered', 'distribution', 'signals', 'sealed', 'formats', 'kv/formats', 'protocol', 'thoughts',
  'sum',
];
const importNothing = [
  'errors', 'base64', 'room', 'random', 'remembered', 'distribution', 'signals', 'sealed', 'formats', 'protocol', 'thoughts', 'sum',
];

const wgsl = {
  selector: 'CallExpression[callee.property.name="glob"] Literal[value=/[.]wgsl/]',
  message: 'Only src/gpu, and src/formats/rare for its types, import WGSL: the kernel catalogue gives shaders by name.',
};
const createBuffer = {
  selector: 'MemberExpression[property.name="createBuffer"]',
  message: 'GPU buffers are made in src/gpu/ledger.ts only, so that the budget holds.',
};
const anySignal = {
  selector: 'MemberExpression[object.name="AbortSignal"][property.name="any"]',
  message: 'Not all browsers with WebGPU have AbortSignal.any: take anySignal of src/signals.ts.',
};
const files = {
  source: ['src/**/*.ts'],
  tests: ['**/*.test.ts'],
  around: Object.keys(around).flatMap((folder) => [`${folder}/**/*.ts`, `${folder}/**/*.mjs`]),
};
const boundariesSettings = {
  'boundaries/include': ['src/**/*', ...Object.keys(around).map((folder) => `${folder}/**/*`)],
  'boundaries/files': [
    ...Object.keys(imports).flatMap((category) => [
      { category, pattern: `src/${category}.ts` },
      { category, pattern: category === 'kv' ? 'src/kv/*' : `src/${category}/**/*` }, // kv/formats is one of its own
    ]),
    ...Object.keys(around).map((folder) => ({ category: beside(folder), pattern: `${folder}/**/*` })),
  ],
};
const packages = { allow: { to: { module: { origin: ['external', 'core'] } } } };

const restricted = (...packages) => [
  'error',
  { paths: packages.filter((each) => typeof each === 'object' && each.name), patterns: packages.filter((each) => each.group) },
];
const store = {
  name: 'idb-keyval',
  message: 'Only src/weights/store/records.ts knows where weights are kept, and src/ui/chat/store/conversation-store.ts where chats are.',
};
const shaders = { group: ['**/*.wgsl', '**/*.wgsl?*'], message: wgsl.message };

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'models/', 'test/fixtures/', 'test-results/', 'playwright-report/', '.cache/', 'bench/peers/onnx/venv/'] },
  ...tseslint.configs.strict,
  {
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off', // indices are checked where they come from
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      eqeqeq: 'error',
      'prefer-const': 'error',
      // Core's rule until ESLint 11, which leaves layout to @stylistic/eslint-plugin.
      'max-len': ['error', { code: 160, ignoreUrls: true }],
      // A function fits a screen, with its comments and blank lines.
      'max-lines-per-function': ['error', { max: 80, IIFEs: true }],
    },
  },
  { files: ['**/*.test.ts', '**/*.spec.ts'], rules: { 'max-lines-per-function': 'off' } }, // the body of a `describe` is no function to be read at once
  {
    files: files.source,
    ignores: files.tests,
    plugins: { boundaries },
    settings: boundariesSettings,
    rules: {
      'boundaries/dependencies': [
        'error',
        {
          default: 'disallow',
          message: 'src/{{from.file.categories}} may not import src/{{to.file.categories}}: see docs/architecture.md.',
          policies: [
            ...Object.entries(imports).map(([from, to]) => ({
              from: { file: { categories: from } },
              allow: { to: { file: { categories: { anyOf: [from, ...to, ...(importNothing.includes(from) ? [] : forAll)] } } } },
            })),
            packages,
            // The checks of the self-test record operations as the engine does; src/gpu/self-test.ts loads them only when they run.
            { from: { file: { path: 'src/gpu/checks/**' } }, allow: { to: { file: { categories: { anyOf: ['kv', 'model', 'weights', 'reference'] } } } } },
          ],
        },
      ],
      'no-restricted-imports': restricted(store, shaders),
      'no-restricted-syntax': ['error', wgsl, createBuffer, anySignal],
    },
  },
  {
    files: files.around,
    plugins: { boundaries },
    settings: boundariesSettings,
    rules: {
      'boundaries/dependencies': [
        'error',
        {
          default: 'disallow',
          message: '{{from.file.categories}} may not import {{to.file.categories}}: see eslint.config.js.',
          policies: [
            ...Object.entries(around).map(([from, to]) => ({
              from: { file: { categories: beside(from) } },
              allow: { to: { file: { categories: { anyOf: [...Object.keys(imports), ...[from, ...to].map(beside)] } } } },
            })),
            packages,
          ],
        },
      ],
    },
  },
  // Benchmarks measure the device itself, beside what a budget counts.
  { files: ['src/bench/**/*.ts'], ignores: files.tests, rules: { 'no-restricted-syntax': ['error', wgsl, anySignal] } },
  {
    files: ['src/gpu/**/*.ts'],
    ignores: files.tests,
    rules: { 'no-restricted-imports': restricted(store), 'no-restricted-syntax': ['error', createBuffer, anySignal] },
  },
  // A rare weight type brings its shader with it, so that both are loaded when a model names the type.
  { files: ['src/formats/rare/**/*.ts'], rules: { 'no-restricted-imports': restricted(store) } },
  { files: ['src/gpu/ledger.ts', 'src/signals.ts'], rules: { 'no-restricted-syntax': 'off' } },
  { files: ['src/weights/store/records.ts', 'src/ui/chat/store/conversation-store.ts'], rules: { 'no-restricted-imports': restricted(shaders) } },
);
