// Bytes of workgroup memory that a kernel takes, read off its WGSL as WebGPU counts them: each variable rounded up to 16.
type Numbers = (name: string) => number;

const roundUp = (bytes: number, to: number): number => Math.ceil(bytes / to) * to;

const scalarBytes: Readonly<Record<string, number>> = { u32: 4, i32: 4, f32: 4, bool: 4, f16: 2 };
const signs: Readonly<Record<string, (a: number, b: number) => number>> = {
  '*': (a, b) => a * b, '/': (a, b) => Math.floor(a / b), '%': (a, b) => a % b, '<<': (a, b) => a * 2 ** b,
};
const functions: Readonly<Record<string, (...given: number[]) => number>> = { min: Math.min, max: Math.max };

/** A whole number by sums, differences, products, quotients, shifts, `min` and `max`. Error for anything else. */
function numberOf(expression: string, numbers: Numbers): number {
  const tokens = expression.match(/\w+|<<|[^\s\w]/g) ?? [];
  let at = 0;
  function value(): number {
    const token = tokens[at++];
    if (token === '(') return upTo(')')[0];
    if (/^\d/.test(token)) return Number(token.replace(/u$/, ''));
    if (tokens[at] !== '(') return numbers(token);
    at++;
    return functions[token](...upTo(')'));
  }
  function upTo(end: string | undefined): number[] {
    const found = [sum()];
    for (; tokens[at] === ','; found.push(sum())) at++;
    if (tokens[at++] !== end) throw new Error(`${expression} is no number that is known here.`);
    return found;
  }
  function product(): number {
    let left = value();
    for (; Object.hasOwn(signs, tokens[at] ?? '');) left = signs[tokens[at++]](left, value());
    return left;
  }
  function sum(): number {
    let left = product();
    for (; ['+', '-'].includes(tokens[at]);) left += tokens[at++] === '+' ? product() : -product();
    return left;
  }
  return upTo(undefined)[0];
}

/** The text of the functions that `main` calls, and of those that these call; a variable that none of them names takes nothing. */
function reached(source: string): string {
  const bodies = new Map([...source.matchAll(/^fn (\w+)[^]*?^\}/gm)].map(([text, name]) => [name, text]));
  const called = new Set(['main']);
  for (const name of called) for (const [other] of bodies.get(name)?.matchAll(/\b\w+(?=\()/g) ?? []) if (bodies.has(other)) called.add(other);
  return [...called].map((name) => bodies.get(name)).join('\n');
}

/** `constants`: values of overrides. Where all variables together take `enough` or less, all count. Error for a type or a number that is not known here. */
export function workgroupBytes(source: string, constants: Readonly<Record<string, number>> = {}, enough = 0): number {
  const find = (pattern: string): string => {
    const found = new RegExp(pattern, 'm').exec(source)?.[1];
    if (found === undefined) throw new Error(`No ${pattern} is known here.`);
    return found;
  };
  const numbers: Numbers = (name) => constants[name] ?? numberOf(find(`^(?:const|override) ${name}\\b[^=;\n]*= ([^;]+);`), numbers);

  function sizeOf(type: string): { size: number; align: number } {
    const [, vector, of] = /^vec([234])<(.+)>$/.exec(type) ?? [];
    if (vector) return { size: Number(vector) * sizeOf(of).size, align: (vector === '2' ? 2 : 4) * sizeOf(of).size };
    const [, element, count] = /^array<(.+?), ([^<>]+)>$/.exec(type) ?? [];
    if (element) {
      const { size, align } = sizeOf(element);
      return { size: roundUp(size, align) * numberOf(count, numbers), align };
    }
    const [, atomic] = /^atomic<(.+)>$/.exec(type) ?? [];
    if (atomic) return sizeOf(atomic);
    if (scalarBytes[type]) return { size: scalarBytes[type], align: scalarBytes[type] };
    if (source.includes(`alias ${type} =`)) return sizeOf(find(`^alias ${type} = ([^;]+);`));
    const fields = [...find(`^struct ${type} \\{([^}]*)\\}`).matchAll(/^\s*\w+\s*:\s*(.+?),\s*(?:\/\/.*)?$/gm)].map(([, field]) => sizeOf(field.trim()));
    const align = Math.max(...fields.map((field) => field.align));
    return { size: roundUp(fields.reduce((end, field) => roundUp(end, field.align) + field.size, 0), align), align };
  }

  const all = [...source.matchAll(/^var<workgroup> (\w+) : ([^;]+);/gm)].map(([, name, type]) => ({ name, bytes: roundUp(sizeOf(type).size, 16) }));
  const bytesOf = (variables: typeof all) => variables.reduce((sum, { bytes }) => sum + bytes, 0);
  if (bytesOf(all) <= enough) return bytesOf(all);
  const used = reached(source);
  return bytesOf(all.filter(({ name }) => new RegExp(`\\b${name}\\b`).test(used)));
}
