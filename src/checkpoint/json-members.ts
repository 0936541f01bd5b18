// Takes a member out of a JSON object, or adds one at its end, in the text itself: all that is not touched stays as it was,
// to the byte, and what was added can be taken out again without a trace.

import { endOfString } from './json-keys.js';

/** A key and its value in the text, from the opening quote to the end of the value. */
interface Member {
  key: string;
  begin: number;
  end: number;
}

/** The text of a valid JSON object without the members named `key`. */
export function withoutMember(json: string, key: string): string {
  const members = membersOf(json);
  if (!members.some((member) => member.key === key)) return json;
  const kept: string[] = [];
  for (const [i, member] of members.entries()) {
    if (member.key === key) continue;
    // The comma before a member stays with it, unless it has become the first.
    kept.push(json.slice(kept.length === 0 ? member.begin : members[i - 1].end, member.end));
  }
  return json.slice(0, members[0].begin) + kept.join('') + json.slice(members[members.length - 1].end);
}

/** The text of a valid JSON object with one more member at its end, on a line of its own where the others have that. */
export function withMember(json: string, key: string, value: unknown): string {
  const members = membersOf(json);
  const open = json.indexOf('{') + 1;
  const last = members.at(-1);
  const at = last?.end ?? open;
  const gap = last ? json.slice(members.at(-2)?.end ?? open, last.begin).replace(',', '') : '';
  // The file's own indent, where a line begins with the last key.
  const [indent] = /(?<=\n)[ \t]*$/.exec(gap) ?? [];
  const text =
    indent === undefined ? JSON.stringify(value) : JSON.stringify(value, null, indent).replaceAll('\n', `\n${indent}`);
  return `${json.slice(0, at)}${last ? ',' : ''}${gap}${JSON.stringify(key)}: ${text}${json.slice(at)}`;
}

/** Members of the outermost object, in order. */
function membersOf(json: string): Member[] {
  const members: Member[] = [];
  let depth = 0;
  let keyNext = false;
  // Behind the last character of a value so far.
  let end = 0;
  const close = () => {
    const member = members.at(-1);
    if (member && member.end < 0) member.end = end;
  };
  for (let i = 0; i < json.length; i++) {
    const c = json[i];
    if (c === '"') {
      const quote = endOfString(json, i);
      if (depth === 1 && keyNext) members.push({ key: JSON.parse(json.slice(i, quote + 1)), begin: i, end: -1 });
      keyNext = false;
      i = quote;
    } else if (c === '{' || c === '[') {
      depth++;
      keyNext = depth === 1;
    } else if (c === '}' || c === ']') {
      depth--;
      if (depth === 0) close();
    } else if (c === ',' && depth === 1) {
      close();
      keyNext = true;
    }
    if (!/[\s,]/.test(json[i])) end = i + 1;
  }
  return members;
}
