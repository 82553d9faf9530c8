import { badUsage } from '../shell/usage-error.js';

/** What `--spreadsheet` does, for the help. */
export const SPREADSHEET = 'CSV without formulas, and with all digits, for spreadsheets';

/** Throws `INVALID_ARGUMENT` for another format than CSV. */
export function assertCsv(format: string): void {
  if (format === 'csv') return;
  throw badUsage(`--spreadsheet is for CSV, not for ${format}`, 'Leave one of them out.');
}
