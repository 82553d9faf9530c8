import { shownUrl } from '../../database-url.js';

/** A URL inside a longer text, up to what ends it there. */
const SERVER_URL = /postgres(?:ql)?:\/\/[^\s'"`<>]*/gi;

/** An argument or variable that is a URL, or `--db=URL`: then it ends with the URL, whatever it holds. */
const GIVEN_URL = /postgres(?:ql)?:\/\/.*/is;

/** The text with the URL of each server as it may be shown. */
export function withoutPasswords(text: string): string {
  return givenUrls()
    .reduce((shown, url) => shown.replaceAll(url, shownUrl(url)), text)
    .replace(SERVER_URL, shownUrl);
}

/**
 * Takes passwords out of this process's line in `ps`, which every user of the machine may read.
 * (Variables are only shown to their own user.) Without a URL in the arguments it changes nothing.
 */
export function hidePasswordsInProcessTitle(): void {
  if (!process.argv.some((arg) => GIVEN_URL.test(arg))) return;
  const args = process.argv.slice(2).map((arg) => arg.replace(GIVEN_URL, shownUrl));
  process.title = ['pylon-db', ...args].join(' ');
}

function givenUrls(): string[] {
  return [...process.argv, process.env['PYLON_DB'] ?? ''].flatMap((text) => {
    const [url] = GIVEN_URL.exec(text) ?? [];
    return url === undefined ? [] : [url];
  });
}
