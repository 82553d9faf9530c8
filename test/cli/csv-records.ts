/** The records of a CSV text as RFC 4180 writes them; throws for a text that it doesn't allow. */
export function csvRecords(text: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let at = 0;
  while (at < text.length) {
    const [field, length] = fieldAt(text, at);
    record.push(field);
    at += length;
    if (text[at] === ',') at += 1;
    else if (text.startsWith('\r\n', at)) {
      records.push(record);
      record = [];
      at += 2;
    } else throw new Error(`No comma and no line end at ${at}`);
  }
  if (record.length > 0) throw new Error('The last record has no line end');
  return records;
}

function fieldAt(text: string, at: number): [field: string, length: number] {
  if (text[at] !== '"') {
    const [field = ''] = /[^,"\r\n]*/y.exec(text.slice(at)) ?? [];
    return [field, field.length];
  }
  const pattern = /"((?:[^"]|"")*)"/y;
  pattern.lastIndex = at;
  const [whole, inner] = pattern.exec(text) ?? [];
  if (whole === undefined || inner === undefined) throw new Error(`No closing quote after ${at}`);
  return [inner.replaceAll('""', '"'), whole.length];
}
