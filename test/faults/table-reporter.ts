import Table from 'cli-table3';
import type { Reporter, TestCase } from 'vitest/node';
import type { FaultLine } from './table.js';

interface Row extends FaultLine {
  readonly held: boolean;
}

/** Cells of each column, in which its text wraps: the table is read in documents too. */
const WIDTHS = [36, 50, 50, 6];

/** Lines between rows only double the length of the table. */
const NO_LINES = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };

/** Prints one line for each fault after the run, a test that failed included. */
export class FaultTable implements Reporter {
  readonly #rows: Row[] = [];

  onTestCaseResult(test: TestCase): void {
    const held = test.result().state === 'passed';
    const lines = test.meta().faults ?? [];
    for (const line of lines) this.#rows.push({ ...line, held });
    if (test.result().state === 'failed' && lines.length === 0) {
      this.#rows.push({ fault: test.name, tried: '', figure: 'see the error above', held });
    }
  }

  onTestRunEnd(): void {
    const table = new Table({
      head: ['fault', 'tried', 'figure', 'held'],
      style: { head: [], border: [] },
      chars: NO_LINES,
      colWidths: WIDTHS,
      wordWrap: true,
    });
    const rows = this.#rows.toSorted((a, b) => a.fault.localeCompare(b.fault));
    for (const { fault, tried, figure, held } of rows) {
      table.push([fault, tried, figure, held ? 'yes' : 'NO']);
    }
    console.log(`\n${table.toString()}`);
  }
}
