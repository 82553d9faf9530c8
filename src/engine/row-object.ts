/** Gives a row object one column of any name, also of one that objects have a setter for. */
export function setColumn(row: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') {
    row[name] = value;
    return;
  }
  Object.defineProperty(row, name, { value, writable: true, enumerable: true, configurable: true });
}
