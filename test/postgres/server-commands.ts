import { expect } from 'vitest';
import { type Outcome, pylonDb } from '../cli/command.js';

/** Servers of tests trust everybody: any password will do, and none may show. */
const PASSWORD = 'SECRET1:SECRET2%40SECRET3';

/** The URL of a server with a password in it. */
export function withPassword(url: string): string {
  return url.replace('://postgres@', `://postgres:${PASSWORD}@`);
}

/** Runs a command on a server, named by a URL with a password that must show nowhere. */
export async function onServer(url: string, ...args: readonly string[]): Promise<Outcome> {
  return withoutSecret(await pylonDb([...args, '--db', withPassword(url)]));
}

/** Like {@link onServer}, with `--json`: gives its value. Throws unless it ends by `exitCode`. */
export async function jsonOnServer(
  url: string,
  args: readonly string[],
  exitCode = 0,
): Promise<unknown> {
  const outcome = await onServer(url, ...args, '--json');
  if (outcome.exitCode === exitCode) return JSON.parse(outcome.stdout);
  throw new Error(`exit code ${outcome.exitCode}: ${outcome.stderr}`);
}

/** The outcome, once it is sure that no part of the password is in it. */
export function withoutSecret(outcome: Outcome): Outcome {
  expect(`${outcome.stdout}${outcome.stderr}`).not.toContain('SECRET');
  return outcome;
}
